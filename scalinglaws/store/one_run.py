"""One run at a time in a folder, and the temporary files that a killed one left there."""

import re
from pathlib import Path

# What `atomic` calls its temporary files.
TEMPORARY = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}(?P<suffix>\.[^.]+)?")
_held = []


def hold_alone(path):
    """Hold the lock at `path` until this process ends, however it ends; False if another process holds it.

    True where the file system knows no such locks. Snakemake's own are files: two runs that start in the same instant
    both write theirs, and the end of any run in a folder takes away those of all others.
    """
    import fcntl  # not on Windows, where the rest of the library works

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "w", encoding="utf-8")  # noqa: SIM115 - the lock ends when the file is closed
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    except OSError:
        pass
    _held.append(file)
    return True


def remove_left_over(folder):
    """Remove the temporary files of killed jobs in a folder and those inside it; nothing may be at work there."""
    for path in Path(folder).rglob(".*"):
        found = TEMPORARY.fullmatch(path.name)
        if found and path.is_file() and Path(found["name"]).suffix == (found["suffix"] or ""):
            path.unlink(missing_ok=True)
