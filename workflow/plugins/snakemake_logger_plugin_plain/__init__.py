"""A line per job, with the time gone and left; errors, warnings and dry runs as Snakemake shows them.

`snakemake --logger plain`, with this folder's parent on PYTHONPATH, as the Makefile has it. What cannot be said in a
line is left to Snakemake, and its own log file under .snakemake/log holds everything as ever.
"""

import logging
import sys
import time
from dataclasses import dataclass, field

from snakemake.logging import ColorizingTextHandler
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from snakemake_logger_plugin_plain.progress import Progress, about, read_costs, span

INTERRUPTED = "Terminating processes on user request"
LOCKED = (
    "This folder is locked: another run is at work in it, or one was killed. If none is at work, run "
    "`.venv/bin/snakemake --unlock` and then the same command again: what is done is kept."
)
LONG = 10.0  # seconds from which a job is worth a line when it starts
SILENT = {LogEvent.WORKFLOW_STARTED, LogEvent.JOB_STARTED, LogEvent.PROGRESS, LogEvent.SHELLCMD}
# What Snakemake says of every run alike.
CHATTER = ("Assuming unrestricted", "Using shell", "Conda env", "Select jobs", "Execute ", "Building DAG", "Elapsed")


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Settings of the command line."""

    costs: str = field(default="", metadata={"help": "Table of the seconds that jobs took: job, seconds"})


class LogHandler(LogHandlerBase):
    """Turns Snakemake's events into lines."""

    writes_to_stream, writes_to_file = True, False
    has_filter = has_formatter = needs_rulegraph = False

    def __post_init__(self):
        settings = self.common_settings
        stream = sys.stdout if settings.stdout else sys.stderr
        self.screen = ColorizingTextHandler(nocolor=settings.nocolor, stream=stream)
        self.progress = Progress(read_costs(self.settings.costs if self.settings else None))
        self.interrupted = False
        self.tell = {
            LogEvent.RESOURCES_INFO: self.resources,
            LogEvent.RUN_INFO: self.plan,
            LogEvent.JOB_INFO: self.start,
            LogEvent.JOB_FINISHED: self.finish,
            LogEvent.JOB_ERROR: self.fail,
            LogEvent.ERROR: self.refuse,
        }

    def setFormatter(self, formatter):
        """Take Snakemake's formatter for what is shown as Snakemake shows it."""
        self.screen.setFormatter(formatter)

    def emit(self, record):
        """Print a record, whatever happens."""
        try:
            if self.common_settings.dryrun or not self.told(record):
                self.screen.emit(record)
        except BrokenPipeError:
            pass  # nobody reads any more; the run goes on
        except Exception:
            self.handleError(record)

    def told(self, record):
        """Whether a record is dealt with; False leaves it to Snakemake."""
        event = getattr(record, "event", None)
        if event is None:
            self.interrupted |= str(record.msg).startswith(INTERRUPTED)
            return record.levelno == logging.INFO and str(record.msg).lstrip().startswith(CHATTER)
        try:
            return event in SILENT or (event in self.tell and self.tell[event](record))
        except (AttributeError, KeyError, TypeError, ValueError):
            return False  # an event of another form than we know, or of a job that we do not

    def resources(self, record):
        """Note the number of cores."""
        self.progress.cores = getattr(record, "cores", None) or self.progress.cores
        return not hasattr(record, "provided_resources")

    def plan(self, record):
        """Say what is to do."""
        self.progress.plan(record.stats, record.created)
        cores, left = self.progress.cores, self.progress.left(record.created)
        on = f" on {counted(cores, 'core')}" if cores else ""
        self.say(f"{counted(self.progress.total, 'job')} to do{on}" + (f", {about(left)}" if left else ""))
        return True

    def start(self, record):
        """Note that a job runs, and say so if it will take long."""
        if record.rule_name != "all":
            job = " ".join([record.rule_name, *map(str, record.wildcards.values())])
            self.progress.start(record.jobid, job, record.created)
            seconds = self.progress.expected(job)
            if seconds is None or seconds >= LONG:
                self.say_of_job(f"{job}: starts" + (f", {about(seconds)}" if seconds else ""), record.created)
        return True

    def finish(self, record):
        """Say that a job is done."""
        if record.job_id in self.progress.running:
            job = self.progress.finish(record.job_id, record.created)
            self.say_of_job(f"{job}: done, {span(self.progress.seconds[job])}", record.created)
        return True

    def fail(self, record):
        """Note that a job failed; Snakemake says why."""
        self.progress.fail(record.jobid, ", ".join(record.log))
        return False

    def refuse(self, record):
        """Say what to do about a lock; Snakemake tells of other errors."""
        if record.exception != "LockException":
            return False
        self.say(LOCKED)
        return True

    def say_of_job(self, text, now):
        """A line on a job under the state of the run."""
        progress = self.progress
        left = progress.left(now)
        times = f"{span(now - progress.begun)} gone" + (f", {about(left)} left" if left else "")
        done = f"{len(progress.seconds):{len(str(progress.total))}} of {progress.total}"
        self.say(f"[{done}] {times:<39} {text}")

    def say(self, line):
        """Write a line."""
        self.screen.stream.write(f"{line}\n")
        self.screen.flush()

    def close(self):
        """Say how the run ended and what to do, once."""
        progress, self.progress = self.progress, Progress()
        try:
            for line in last_lines(progress, time.time(), self.interrupted):
                self.say(line)
        except (OSError, ValueError):
            pass  # the screen is gone
        super().close()


def last_lines(progress, now, interrupted=False):
    """How a run ended and what to do; nothing of a run that had nothing to do, or did not come to its first job."""
    if not (progress.seconds or progress.running or progress.failed):
        return
    done, gone = len(progress.seconds), span(now - progress.begun)
    so_far = f"{done} of {counted(progress.total, 'job')} done after {gone}"
    if done == progress.total:
        yield f"{counted(done, 'job')} done in {gone}."
    elif interrupted or not progress.failed:
        yield f"Stopped: {so_far}. The same command goes on from here."
    else:
        yield f"{so_far}. Failed:"
        yield from (f"  {job} (see {log})" for job, log in progress.failed.values())
        yield "The reasons are above and in these logs. Mend them and run the same command again: what is done is kept."


def counted(number, noun):
    """A number of things in words."""
    return f"{number} {noun}{'s' * (number != 1)}"
