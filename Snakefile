"""Every figure and table of the study, from scratch: data, training, spectra, budgets, exponents, claims, report."""

from snakemake.utils import min_version

min_version("9.10")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/collect.smk"


report: "workflow/report/workflow.rst"


rule all:
    """All figures, tables and verdicts of the run; fails at the end if a member of an experiment diverged."""
    default_target: True
    input:
        FIGURES,
        f"{RESULTS}/tables/claims.csv",
        f"{RESULTS}/claims.md",
        f"{RESULTS}/manifest.json",
        f"{RESULTS}/complete",
