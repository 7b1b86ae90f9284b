"""What an .npz says of its arrays, looked at before any is read: a small file can ask for all the memory there is."""

import math
import os
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

# No file can be unpacked by deflate to more than this many times its size.
LARGEST_RATIO = 1032
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
SUFFIX = ".npy"


def check_members(file, names=None):
    """ValueError, one line, unless the arrays of an .npz, or those named, can be as large as they say and be held.

    Names that lead out of the archive, and names that are given twice, are refused too.
    """
    with ZipFile(file) as archive:
        members = {info.filename.removesuffix(SUFFIX): info for info in archive.infolist()}
        if len(members) != len(archive.infolist()):
            raise ValueError("it has two arrays of one name")
        for name, info in members.items():
            if {"", ".."} & set(name.split("/")):
                raise ValueError(f"it has an array named {name!r}")
            if names is None or name in names:
                _check_size(archive, name, info)
        unpacked = sum(info.file_size for name, info in members.items() if names is None or name in names)
    if unpacked > _memory():
        raise ValueError(f"it unpacks to {unpacked} bytes, and this machine has {_memory()}")


def _check_size(archive, name, info):
    """ValueError unless an array has the bytes that its shape takes, packed in one of numpy's ways."""
    packed = {ZIP_STORED: info.compress_size, ZIP_DEFLATED: LARGEST_RATIO * (info.compress_size + 1)}
    if info.file_size > packed.get(info.compress_type, -1):
        raise ValueError(f"its array {name!r} cannot be unpacked to the {info.file_size} bytes that it tells of")
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version not in HEADERS:
            raise ValueError(f"its array {name!r} is of version {version}")
        shape, _, dtype = HEADERS[version](member)
        told = member.tell() + math.prod(shape) * dtype.itemsize
    # Objects have no size of their own; who reads them refuses them.
    if told != info.file_size and not dtype.hasobject:
        raise ValueError(
            f"its array {name!r} has {info.file_size} bytes, and its shape {shape} of {dtype} takes {told}"
        )


def _memory():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
