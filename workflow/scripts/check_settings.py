"""Refuse files of settings that are no plain data, in one line, before Snakemake reads them.

It would read some with a trace of fifty lines, one with aliases of aliases never to the end, and run code that another
holds. It is to read no more than what the Snakefile itself reads again: `make` calls this first.
"""

import argparse
import sys

from scalinglaws.store import NotPlain, load_plain_yaml

parser = argparse.ArgumentParser(description=__doc__.partition(",")[0])
parser.add_argument("files", nargs="+")
parser.add_argument("--own", action="store_true", help="they must name a run that is not the default one")
options = parser.parse_args()
try:
    runs = [settings["run"] for settings in map(load_plain_yaml, options.files) if "run" in settings]
except NotPlain as error:
    sys.exit(f"config: {error}")
if options.own and runs[-1:] in ([], ["default"]):
    told = "default" if runs else "missing"
    sys.exit(f"config: run is {told} in {' '.join(options.files)}; results/default would change: name another run")
