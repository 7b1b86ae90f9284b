"""The only modules that touch the disk: atomic writes, checked reads, and the hash of the code behind a result."""

from scalinglaws.store.crate import save_crate
from scalinglaws.store.data_files import data_files, load_data
from scalinglaws.store.environment import installed_versions, machine, software_versions
from scalinglaws.store.files import Corrupted, atomic, checksum, job_log, save_text
from scalinglaws.store.manifest import check_run, describe_run
from scalinglaws.store.own_modules import case_problems, named_modules, own_sources
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
    "case_problems",
    "check_run",
    "checksum",
    "code_hash",
    "data_files",
    "describe_run",
    "installed_versions",
    "job_log",
    "library_modules",
    "load_arrays",
    "load_data",
    "load_records",
    "load_sidecar",
    "load_table",
    "load_yaml",
    "machine",
    "named_modules",
    "own_sources",
    "save_arrays",
    "save_crate",
    "save_figure",
    "save_json",
    "save_table",
    "save_text",
    "sidecar",
    "software_versions",
]
