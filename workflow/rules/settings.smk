"""Files of settings, read strictly before Snakemake merges them: it takes the last of two equal keys in silence."""

import os
import sys

from scalinglaws.store import NotPlain, load_plain_yaml

for path in dict.fromkeys([os.path.abspath("config/config.yaml"), *map(str, workflow.overwrite_configfiles)]):
    # Without settings of its own in the folder of the run, a run takes those of the command line alone.
    if os.path.exists(path):
        try:
            load_plain_yaml(os.path.relpath(path))
        except NotPlain as error:
            sys.exit(f"config: {error}")
