"""Stored results: arrays as .npz with a .json sidecar that says what they are, and figures as png and pdf.

The same content gives the same bytes: no dates, no durations (those are in the workflow's benchmark files).
"""

import hashlib
import json
import struct
import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from scalinglaws.store.archives import check_members
from scalinglaws.store.environment import software_versions
from scalinglaws.store.files import AGAIN, BOTH_AGAIN, Corrupted, atomic, checksum, naming, one_line, save_text

SEPARATOR = "/"
# The key of a sidecar's own sha256.
OWN_SUM = "sha256_of_all_else"
# Arguments of numpy.savez, which takes arrays by keyword.
RESERVED = ("file", "allow_pickle")
# What numpy raises on a file that is no archive of plain arrays, whatever its checksum.
UNREADABLE = (OSError, ValueError, TypeError, EOFError, BadZipFile, zlib.error)
# What it raises on one that was made to mislead: encrypted or packed in a strange way, too large, of clashing names.
UNREADABLE += (RuntimeError, MemoryError, OverflowError, LookupError, struct.error)
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
    versions, the array file's sha256 and one of all this itself. ValueError, before anything is written, on object
    arrays, on names that numpy keeps for itself or that hold a "/", on params that JSON cannot hold, on another suffix.
    """
    if Path(path).suffix != ".npz":
        raise ValueError(f"path = {str(path)!r} must end in .npz")
    flat = dict(_flatten(arrays))
    about = {"params": params, "seed": seed, "code": code, "versions": software_versions()}
    about |= {"inputs": inputs} if inputs else {}
    _as_json(about)
    # Both or neither: where there is no room for the second, an array file would be left with another's sidecar.
    with atomic(path) as temporary, atomic(sidecar(path)) as beside:
        with naming(path):
            np.savez_compressed(temporary, **flat)
        text = _as_json(signed({**about, "sha256": checksum(temporary)}))
        beside.write_text(text, encoding="utf-8", newline="\n")


def load_arrays(path):
    """Arrays of `path` as a nested dict; Corrupted, naming the file, if it or its sidecar is missing or damaged."""
    expected = load_sidecar(path).get("sha256")
    if not Path(path).is_file() or checksum(path) != expected:
        raise Corrupted(f"{path} is missing or differs from the checksum in {sidecar(path)}: {BOTH_AGAIN}")
    try:
        check_members(path)
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return _unflatten({name: archive[name] for name in archive.files})
    except UNREADABLE as error:
        raise Corrupted(f"{path} is no archive of plain arrays ({one_line(error)}): {AGAIN}") from None


def load_records(paths):
    """Members and failures of all shards of an experiment, each a list in member order whatever the sharding.

    Corrupted, naming the file, on what `load_arrays` refuses, and if a shard has a member that an earlier one has too:
    then it is the copy of another, in place of its own.
    """
    members, failures = {}, {}
    for path in paths:
        arrays = load_arrays(path)
        found, failed = arrays.get("members", {}), arrays.get("failures", {})
        if (found.keys() | failed.keys()) & (members.keys() | failures.keys()):
            raise Corrupted(f"{path} has members of another shard: {AGAIN}")
        members |= found
        failures |= failed
    return [members[key] for key in sorted(members)], [str(failures[key]) for key in sorted(failures)]


def load_sidecar(path):
    """What the sidecar of `path` says; Corrupted, naming it, if missing, not valid or not as it was written."""
    about = load_json(sidecar(path))
    if about != signed(about):
        raise Corrupted(f"{sidecar(path)} differs from its own checksum: {AGAIN}")
    return about


def signed(about):
    """What a sidecar says, and the sha256 of that; any earlier one is replaced."""
    said = {key: value for key, value in about.items() if key != OWN_SUM}
    return {**said, OWN_SUM: hashlib.sha256(_as_json(said).encode()).hexdigest()}


def load_json(path):
    """The JSON object in the file at `path`; Corrupted, naming it, if missing or not valid."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        content = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:
        raise Corrupted(f"{path} cannot be read ({one_line(error)}): {AGAIN}") from None
    if not isinstance(content, dict):
        raise Corrupted(f"{path} must hold a JSON object: {AGAIN}")
    return content


def _each_once(pairs):
    """A JSON object, which else has the last of two equal keys."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def _no_number(text):
    raise ValueError(f"{text} is no JSON")


def save_json(path, content):
    """Write what JSON can hold, keys sorted; ValueError or TypeError, before anything is written, on what it cannot."""
    save_text(path, _as_json(content))


def sidecar(path):
    """Path of the .json beside a .npz."""
    return Path(path).with_suffix(".json")


def save_figure(path, figure, *, dpi=None):
    """Write a matplotlib figure; the suffix names the format; no dates, so that the bytes repeat.

    dpi: dots per inch; by default what the figure's own style says. A .png has a palette of its 256 most needed
    colours: a third of the bytes, so that the report with every figure can be mailed. ValueError on a suffix other than
    .png and .pdf.
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
