"""Every figure and table of the study, from scratch: data, training, spectra, budgets, exponents, claims, report."""

from snakemake.utils import min_version

min_version("9.10")


include: "workflow/rules/settings.smk"


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/surroundings.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/collect.smk"


report: "workflow/report/workflow.rst"


rule all:
    """All records, tables, figures and verdicts of the run; fails at the end if a member of an experiment diverged.

    Every file is asked for by itself, so that one that went missing is made again although nothing else needs it.
    """
    default_target: True
    input:
        ALL_SHARDS,
        sidecars(ALL_SHARDS),
        ALL_TABLES,
        ALL_SUMS,
        FIGURES,
        ALL_FIGURE_SUMS,
        rules.claims.output,
        rules.manifest.output,
        rules.complete.output,
