"""The only modules that touch the disk: atomic writes, checked reads, and the hash of the code behind a result."""

from scalinglaws.store.crate import save_crate
from scalinglaws.store.environment import installed_versions, machine, software_versions
from scalinglaws.store.files import Corrupted, atomic, checksum, job_log, save_text
from scalinglaws.store.manifest import check_run, describe_run
from scalinglaws.store.records import (
    load_arrays,
    load_records,
    load_sidecar,
    load_table,
    load_yaml,
    save_arrays,
    save_figure,
    save_json,
    save_table,
    sidecar,
)
from scalinglaws.store.sources import code_hash, library_modules

__all__ = [
    "Corrupted",
    "atomic",
    "check_run",
    "checksum",
    "code_hash",
    "describe_run",
    "installed_versions",
    "job_log",
    "library_modules",
    "load_arrays",
    "load_records",
    "load_sidecar",
    "load_table",
    "load_yaml",
    "machine",
    "save_arrays",
    "save_crate",
    "save_figure",
    "save_json",
    "save_table",
    "save_text",
    "sidecar",
    "software_versions",
]
