"""What a run needs around it: a path that can be written down, and no other run in the same place."""

import locale

from scalinglaws.store import hold_alone, remove_left_over

try:
    workflow.basedir.encode(locale.getpreferredencoding(False))
except UnicodeEncodeError:
    # Snakemake writes paths into files in this encoding, and would stop at the first of them with a traceback.
    sys.exit("The locale's encoding cannot hold the path of this folder: set PYTHONUTF8=1, as the Makefile does.")


onstart:
    if not hold_alone(f".snakemake/one_run/{config['run']}"):
        sys.exit(f"Another run is at work on {RESULTS}: wait for its end, or stop it.")
    remove_left_over(RESULTS)
