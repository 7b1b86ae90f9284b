"""Does the default run reproduce the committed one? Says what agrees and what does not; exit status 0 if all does."""

import argparse
import sys
from pathlib import Path

from yaml import YAMLError

from scalinglaws import agreement, store


def main(run, committed, tolerances):
    manifest = store.load_manifest(run) if (run / "manifest.json").is_file() else None
    here = results(run, manifest or {"software": store.installed_versions(), "machine": store.machine()})
    there = results(committed, store.load_yaml(committed / "environment.json"))
    allowed, packages = agreement.read_tolerances(store.load_yaml(tolerances)), store.software_versions().keys()
    checked = store.check_run(run, manifest) if manifest else None
    found = agreement.verify(here, there, allowed, packages, len(manifest["files"]) if manifest else 0, checked)
    print(agreement.as_text(found), end="")
    return 0 if found.reproduces else 1


def results(folder, made_with):
    tables = folder / "tables"
    # Tables of studies lie in folders of their own; beside them in the committed ones are some that no run makes.
    paths = [*tables.glob("*/*.csv"), *(tables / f"{name}.csv" for name in agreement.OF_CLAIMS)]
    named = {path.relative_to(tables).with_suffix("").as_posix(): path for path in paths}
    read, sums = ({name: of(path) for name, path in named.items()} for of in (store.load_table, store.checksum))
    return agreement.Results(read, sums, made_with)


options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--run", type=Path, default=Path("results/default"))
options.add_argument("--committed", type=Path, default=Path("figures"))
options.add_argument("--tolerances", type=Path, default=Path("config/tolerances.yaml"))
try:
    sys.exit(main(**vars(options.parse_args())))
except (store.Corrupted, ValueError, OSError, YAMLError) as error:
    sys.exit(f"verify: {' '.join(str(error).split())}")
