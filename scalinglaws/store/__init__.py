"""The only modules that touch the disk: atomic writes, checked reads, and the hash of the code behind a result."""

from scalinglaws.store.files import Corrupted, atomic, checksum, job_log, save_text
from scalinglaws.store.records import (
    load_arrays,
    load_records,
    load_sidecar,
    load_table,
    load_yaml,
    save_arrays,
    save_figure,
    save_table,
    sidecar,
    software_versions,
)
from scalinglaws.store.sources import code_hash, library_modules

__all__ = [
    "Corrupted",
    "atomic",
    "checksum",
    "code_hash",
    "job_log",
    "library_modules",
    "load_arrays",
    "load_records",
    "load_sidecar",
    "load_table",
    "load_yaml",
    "save_arrays",
    "save_figure",
    "save_table",
    "save_text",
    "sidecar",
    "software_versions",
]
