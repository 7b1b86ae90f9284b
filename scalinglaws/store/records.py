"""Stored results: arrays as .npz with a .json sidecar that says what they are, tables as .csv, figures as png and pdf.

The same content gives the same bytes: no dates, no durations (those are in the workflow's benchmark files).
"""

import csv
import json
import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from scalinglaws.store.environment import software_versions
from scalinglaws.store.files import Corrupted, atomic, checksum, save_text

SEPARATOR = "/"
# Arguments of numpy.savez, which takes arrays by keyword.
RESERVED = ("file", "allow_pickle")
# What numpy raises on a file that is no archive of plain arrays, whatever its checksum.
UNREADABLE = (OSError, ValueError, TypeError, EOFError, BadZipFile, zlib.error)
# How a figure is written, by format: without the metadata that would tell a date or a version, and a .png uncompressed,
# since it is written once more with fewer colours.
WRITTEN = {
    ".png": {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 0}},
    ".pdf": {"metadata": {"CreationDate": None, "Producer": None, "Creator": None}},
}


def save_arrays(path, arrays, *, params, seed=None, code=None, inputs=None):
    """Write a dict of arrays (one level of nesting by name allowed) to `path`.npz and its sidecar beside it.

    params: what made them, seed: an integer, a list, or None, code: hash of the sources (see `code_hash`), inputs: by
    path, the sha256 of files that they were made from. The sidecar holds these, inputs if there are any, the software's
    versions and the array file's sha256. ValueError, before anything is written, on object
    arrays, on names that numpy keeps for itself or that hold a "/", on params that JSON cannot hold, on another suffix.
    """
    if Path(path).suffix != ".npz":
        raise ValueError(f"path = {str(path)!r} must end in .npz")
    flat = dict(_flatten(arrays))
    about = {"params": params, "seed": seed, "code": code, "versions": software_versions()}
    about |= {"inputs": inputs} if inputs else {}
    _as_json(about)
    with atomic(path) as temporary:
        np.savez_compressed(temporary, **flat)
    save_text(sidecar(path), _as_json({**about, "sha256": checksum(path)}))


def load_arrays(path):
    """Arrays of `path` as a nested dict; Corrupted, naming the file, if it or its sidecar is missing or damaged."""
    expected = load_sidecar(path).get("sha256")
    if not Path(path).is_file() or checksum(path) != expected:
        raise Corrupted(f"{path} is missing or differs from the checksum in {sidecar(path)}: delete both and rerun")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return _unflatten({name: archive[name] for name in archive.files})
    except UNREADABLE as error:
        raise Corrupted(f"{path} is no archive of plain arrays ({_line(error)}): delete it and rerun") from None


def load_records(paths):
    """Members and failures of all shards of an experiment, each a list in member order whatever the sharding."""
    members, failures = {}, {}
    for path in paths:
        arrays = load_arrays(path)
        members |= arrays.get("members", {})
        failures |= arrays.get("failures", {})
    return [members[key] for key in sorted(members)], [str(failures[key]) for key in sorted(failures)]


def load_sidecar(path):
    """What the sidecar of `path` says; Corrupted, naming it, if missing or not valid."""
    try:
        about = json.loads(sidecar(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Corrupted(f"{sidecar(path)} cannot be read ({_line(error)}): delete {path} and rerun") from None
    if not isinstance(about, dict):
        raise Corrupted(f"{sidecar(path)} must hold a JSON object: delete {path} and rerun")
    return about


def save_json(path, content):
    """Write what JSON can hold, keys sorted; ValueError or TypeError, before anything is written, on what it cannot."""
    save_text(path, _as_json(content))


def sidecar(path):
    """Path of the .json beside a .npz."""
    return Path(path).with_suffix(".json")


def save_table(path, table):
    """Write a pandas table as csv; numbers in their shortest exact form.

    ValueError, and nothing written, on text with a carriage return, which a reader would take for a line's end.
    """
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
        if b"\r" in temporary.read_bytes():
            raise ValueError(f"the table for {path} has text with a carriage return and must have none")


def load_table(path):
    """Read a csv written by `save_table`; Corrupted, naming the file, if it is missing, cut short or no table."""
    import pandas as pd

    try:
        _check_rows(path)
        return pd.read_csv(path, keep_default_na=False, na_values=["", "nan", "NaN"], index_col=False)
    except (OSError, ValueError, csv.Error) as error:
        raise Corrupted(f"{path} cannot be read as a table ({_line(error)})") from None


def _check_rows(path):
    """ValueError unless all rows are as long as the head and the last is ended: pandas fills short ones with NaN."""
    if not Path(path).read_bytes().endswith(b"\n"):
        raise ValueError("it must end with the end of a line")
    with open(path, encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, strict=True)
    for number, row in enumerate(rows, start=1):
        if len(row) != len(head):
            raise ValueError(f"row {number} has {len(row)} fields and must have {len(head)}, as the head")


def save_figure(path, figure, *, dpi=None):
    """Write a matplotlib figure; the suffix names the format; no dates, so that the bytes repeat.

    dpi: dots per inch; by default what the figure's own style says. A .png has a palette of its 256 most needed colours: a third of the bytes, so that the report with every figure can
    be mailed. ValueError on a suffix other than .png and .pdf.
    """
    suffix = Path(path).suffix
    if suffix not in WRITTEN:
        raise ValueError(f"path = {str(path)!r} must end in one of {', '.join(WRITTEN)}")
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=dpi, **WRITTEN[suffix])
        if suffix == ".png":
            _reduce_colours(temporary)


def load_yaml(path):
    """Parse a YAML file."""
    import yaml

    # The parser written in C, where PyYAML was built with it, takes a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=loader)


def _reduce_colours(path):
    from PIL import Image

    with Image.open(path) as image:
        # The octree, half as slow, shows bands in colour scales.
        reduced = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        reduced.save(path, format="png", dpi=image.info["dpi"])


def _line(error):
    """What an error says, in one line."""
    return " ".join(str(error).split())


def _as_json(about):
    return json.dumps(about, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _flatten(arrays, prefix=""):
    """Pairs of full name and array; ValueError on names and contents that would not come back."""
    for name, value in arrays.items():
        full = prefix + name
        if SEPARATOR in name or full in RESERVED:
            raise ValueError(f"array name {full!r} must not hold {SEPARATOR!r} nor be one of {', '.join(RESERVED)}")
        if isinstance(value, dict):
            yield from _flatten(value, full + SEPARATOR)
            continue
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise ValueError(f"array {full!r} has dtype {array.dtype} and must hold numbers or text")
        yield full, array


def _unflatten(flat):
    nested = {}
    for name, value in flat.items():
        *parents, leaf = name.split(SEPARATOR)
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return nested
