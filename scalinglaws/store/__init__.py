"""The only modules that touch the disk: atomic writes, checked reads, and the hash of the code behind a result."""

from scalinglaws.store.crate import save_crate
from scalinglaws.store.data_files import data_files, load_data
from scalinglaws.store.environment import installed_versions, machine, software_versions
from scalinglaws.store.files import Corrupted, atomic, checksum, job_log, save_text
from scalinglaws.store.manifest import check_run, describe_run, load_manifest
from scalinglaws.store.one_run import hold_alone, remove_left_over
from scalinglaws.store.own_modules import case_problems, named_modules, own_sources
from scalinglaws.store.plain_yaml import NotPlain, load_plain_yaml
from scalinglaws.store.records import (
    load_arrays,
    load_records,
    load_sidecar,
    load_yaml,
    save_arrays,
    save_figure,
    save_json,
    sidecar,
)
from scalinglaws.store.sources import code_hash, library_modules
from scalinglaws.store.tables import load_table, load_tables, save_sums, save_table, save_tables

__all__ = [
    "Corrupted",
    "NotPlain",
    "atomic",
    "case_problems",
    "check_run",
    "checksum",
    "code_hash",
    "data_files",
    "describe_run",
    "hold_alone",
    "installed_versions",
    "job_log",
    "library_modules",
    "load_arrays",
    "load_data",
    "load_manifest",
    "load_plain_yaml",
    "load_records",
    "load_sidecar",
    "load_table",
    "load_tables",
    "load_yaml",
    "machine",
    "named_modules",
    "own_sources",
    "remove_left_over",
    "save_arrays",
    "save_crate",
    "save_figure",
    "save_json",
    "save_sums",
    "save_table",
    "save_tables",
    "save_text",
    "sidecar",
    "software_versions",
]
