"""Writing files so that a reader sees the old content or the new, never a part; and checksums to tell."""

import gc
import hashlib
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


class Corrupted(RuntimeError):
    """A stored file that is missing, unreadable or not what its sidecar says; the message names it."""


@contextmanager
def atomic(path):
    """Yield a temporary path beside `path`; it takes the name `path` only when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    # mkstemp makes the file private to its owner; results are to be shared, as any newly made file.
    os.chmod(temporary, 0o666 & ~_umask())
    try:
        yield Path(temporary)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


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
    # What the imports made stays to the end: not to search it for garbage saves half a second of a job that has torch.
    gc.freeze()
    started = time.process_time()
    with open(path, "w", encoding="utf-8") as log:
        yield lambda line: print(line, file=log, flush=True)
        total = time.process_time()
        gc.freeze()
        print(f"work {total - started:.2f} of {total:.2f} CPU s", file=log)
