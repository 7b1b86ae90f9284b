"""Tables as .csv, and sums of these and of other files, as `sha256sum` writes them, which show that none was damaged.

A flipped bit in a number leaves a table that reads as well as before.
"""

import csv
import hashlib
import io
import re
from pathlib import Path

from scalinglaws.store.files import AGAIN, Corrupted, atomic, checksum, one_line, save_text

# A line of a file of sums: digest, and the path of a file beside or below it.
STATED = re.compile(r"([0-9a-f]{64})  ((?:(?!\.\.?/)[^/]+/)*[^/]+)")
SUMS = ".sha256"
# Columns; the tables of this project have tens.
WIDEST = 1000


def save_table(path, table):
    """Write a pandas table as csv; numbers in their shortest exact form.

    ValueError, and nothing written, on text with a carriage return, which a reader would take for a line's end.
    """
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
        if b"\r" in temporary.read_bytes():
            raise ValueError(f"the table for {path} has text with a carriage return and must have none")


def save_tables(tables, sums):
    """Write tables, by path, and the file `sums` in their folder, which `sha256sum --check` takes there.

    ValueError on what `save_table` refuses, on tables in another folder than that of `sums`, and on another suffix.
    """
    if Path(sums).suffix != SUMS or {Path(path).parent for path in tables} - {Path(sums).parent}:
        raise ValueError(f"sums = {str(sums)!r} must end in {SUMS} and lie in the folder of its tables")
    for path, table in tables.items():
        save_table(path, table)
    save_sums(tables, sums)


def save_sums(paths, sums):
    """Write the file `sums`: sha256 of the files at `paths`, which lie in its folder or below it; else ValueError."""
    named = sorted((Path(path).relative_to(Path(sums).parent).as_posix(), path) for path in paths)
    save_text(sums, "".join(f"{checksum(path)}  {name}\n" for name, path in named))


def load_table(path):
    """Read a csv written by `save_table`; Corrupted, naming the file, if it is missing, cut short or no table."""
    return _parsed(path, _content(path))


def load_tables(paths, sums):
    """Tables by name, each only if its sum is the one that a file among `sums` states; paths: where they are, by name.

    Corrupted, naming the file, on a table that is missing, has another sum or none, and on what `load_sums` refuses.
    """
    stated = {path: (digest, source) for source in sums for path, digest in load_sums(source).items()}
    return {name: _parsed(path, _checked(Path(path), stated, sums)) for name, path in paths.items()}


def load_sums(path):
    """The sha256 of each file that the file of sums at `path` names, by its path.

    Corrupted, naming `path`, if it is missing or has other lines than digest, two spaces and the path of a file.
    """
    try:
        *lines, end = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise Corrupted(f"{path} cannot be read ({one_line(error)}): {AGAIN}") from None
    found = [STATED.fullmatch(line) for line in lines]
    if end or not lines or not all(found):
        raise Corrupted(f"{path} is no list of sums: {AGAIN}")
    return {Path(path).parent / match[2]: match[1] for match in found}


def _content(path):
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Corrupted(f"{path} cannot be read as a table ({one_line(error)})") from None


def _checked(path, stated, sums):
    """The bytes of a table whose sum is the one stated."""
    digest, source = stated.get(path, (None, None))
    if digest is None:
        beside = " or ".join(str(source) for source in sums if Path(source).parent == path.parent)
        raise Corrupted(f"{path} has no sum in {beside or 'any file beside it'}: {AGAIN}")
    content = path.read_bytes() if path.is_file() else None
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        raise Corrupted(f"{path} is missing or differs from its sum in {source}: {AGAIN}")
    return content


def _parsed(path, content):
    import pandas as pd

    try:
        _check_rows(content)
        return pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=["", "nan", "NaN"], index_col=False)
    except (ValueError, csv.Error) as error:
        raise Corrupted(f"{path} cannot be read as a table ({one_line(error)})") from None


def _check_rows(content):
    """ValueError unless all rows are as long as the head and the last is ended: pandas fills short ones with NaN."""
    if not content.endswith(b"\n"):
        raise ValueError("it must end with the end of a line")
    head, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    if len(head) > WIDEST:
        raise ValueError(f"it has {len(head)} columns and must have at most {WIDEST}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(head):
            raise ValueError(f"row {number} has {len(row)} fields and must have {len(head)}, as the head")
