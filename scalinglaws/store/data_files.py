"""Data of one's own: a .npz with the arrays inputs and targets, checked before anything is computed from it."""

from zipfile import BadZipFile, ZipFile

import numpy as np

from scalinglaws.store.archives import check_members
from scalinglaws.store.records import UNREADABLE

SUFFIX = ".npz"
PARTS = ("inputs", "targets")
# Truth values, whole numbers and floats.
REAL = "biuf"


def data_files(cases):
    """Paths of the files that cases name as their data, each once, in their order."""
    return list(dict.fromkeys(case["data"] for case in cases if case.get("data", "").endswith(SUFFIX)))


def check_archive(path):
    """ValueError, one line, unless `path` is an .npz that holds inputs and targets; reads its list of contents only."""
    try:
        with ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except BadZipFile:
        raise ValueError(f"{path} is no .npz file: numpy.savez(path, inputs=..., targets=...) makes one") from None
    missing = [part for part in PARTS if part not in names]
    if missing:
        raise ValueError(f"{path} has no array {missing[0]}; it has {', '.join(sorted(names)) or 'none'}")


def load_data(path):
    """The arrays inputs and targets of the .npz at `path`, by name.

    ValueError, one line that names the path, on what `check_archive` refuses, on anything but real and finite numbers,
    and unless there are as many inputs as targets, one or more. Pickled objects are refused unread.
    """
    check_archive(path)
    try:
        check_members(path, PARTS)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {part: archive[part] for part in PARTS}
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    for part, array in arrays.items():
        if array.dtype.kind not in REAL or not array.ndim or not array.size:
            allowed = "must have real numbers for >= 1 samples"
            raise ValueError(f"{path}: {part} has shape {array.shape} of {array.dtype} and {allowed}")
        if not np.isfinite(array).all():
            raise ValueError(f"{path}: {part} must be finite")
    if len(arrays["inputs"]) != len(arrays["targets"]):
        raise ValueError(f"{path} has {len(arrays['inputs'])} inputs and {len(arrays['targets'])} targets, not as many")
    return arrays
