"""Writing files so that a reader sees the old content or the new, never a part; and checksums to tell."""

import gc
import hashlib
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

# What makes a file again that was damaged: the workflow looks for all of them.
AGAIN = "delete it and run the same command again"
BOTH_AGAIN = "delete both and run the same command again"


class Corrupted(RuntimeError):
    """A stored file that is missing, unreadable or not what its sidecar says; the message names it."""


def one_line(error):
    """What an error says, in one line."""
    return " ".join(str(error).split())


@contextmanager
def atomic(path):
    """Yield a temporary path beside `path`; it takes the name `path` only when the block ends without an error.

    OSError that names `path`, as said by `naming`, where there is no room, no right to write or no such folder.
    """
    path = Path(path)
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        try:
            # mkstemp makes the file private to its owner; results are to be shared, as any newly made file.
            os.chmod(temporary, 0o666 & ~_umask())
            yield Path(temporary)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)


@contextmanager
def naming(path):
    """Within the block, an error of the system names the file at `path`, not a temporary beside it or none at all.

    A full disk says nothing of the file that it has no room for: "[Errno 28] No space left on device", and no more.
    """
    try:
        yield
    except OSError as error:
        told = error.filename is not None and not Path(error.filename).name.startswith(f".{Path(path).name}.")
        if error.errno is None or told:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def checksum(path):
    """sha256 of a file's bytes in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_text(path, text):
    """Write `text` as UTF-8 with Unix line ends."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def job_log(path):
    """Yield a function that writes one line to the log at `path`, at once, so that the log can be watched.

    The last line tells the CPU seconds of the block, a job's work without its imports, and of the process so far.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)

    def say(line):
        with naming(path):
            log.write(f"{line}\n".encode())

    # What the imports made stays to the end: not to search it for garbage saves half a second of a job that has torch.
    gc.freeze()
    started = time.process_time()
    # Nothing waits to be written at the end, which could fail again on a full disk and hide why.
    with open(path, "wb", buffering=0) as log:
        yield say
        total = time.process_time()
        gc.freeze()
        say(f"work {total - started:.2f} of {total:.2f} CPU s")
