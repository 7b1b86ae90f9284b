"""Refuse files of settings that are no plain data, in one line, before Snakemake reads them.

It would read some with a trace of fifty lines, one with aliases of aliases never to the end, and run code that another
holds. It is to read no more than what the Snakefile itself reads again: `make` calls this first.
"""

import sys

from scalinglaws.store import NotPlain, load_plain_yaml

for path in sys.argv[1:]:
    try:
        load_plain_yaml(path)
    except NotPlain as error:
        sys.exit(f"config: {error}")
