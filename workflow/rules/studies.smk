"""The studies: run the members of every experiment, reduce their records to tables, draw these."""

ALL_SHARDS = [shard for experiment in EXPERIMENTS for shard in shards(*experiment)]
TABLE_RULES = [f"{study}_{experiment}_tables" for study, experiment in EXPERIMENTS]
ALL_TABLES = [f"{RESULTS}/tables/{name}.csv" for name in TABLE_NAMES]
ALL_SUMS = [f"{RESULTS}/tables/{study}/{experiment}.sha256" for study, experiment in EXPERIMENTS]
ALL_FIGURE_SUMS = [
    *(f"{RESULTS}/figures/{study}/{experiment}.sha256" for study, experiment in EXPERIMENTS),
    f"{RESULTS}/figures/claims/claims_overview.sha256",
]
DRAW_RULES = [f"draw_{study}_{experiment}" for study, experiment in EXPERIMENTS]

for study in STUDIES:

    rule:
        """Run the members of one shard of an experiment and keep their records."""
        name:
            f"{study}_members"
        input:
            # Data of one's own; all other data are made from settings and seeds.
            files=lambda wildcards, study=study: data_files(named_cases(study, wildcards.experiment)),
        output:
            arrays=f"{RESULTS}/runs/{study}/{{experiment}}/{{shard}}.npz",
            about=f"{RESULTS}/runs/{study}/{{experiment}}/{{shard}}.json",
        log:
            f"{RESULTS}/logs/{study}/{{experiment}}/{{shard}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{study}/{{experiment}}/{{shard}}.tsv"
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            # A network of one's own may be large: the bound on what passes through it hold is a setting.
            mem_mb=lambda wildcards, study=study: members_memory(study, wildcards.experiment),
            runtime=60,
        params:
            package=f"scalinglaws.{study}.experiments",
            settings=lambda wildcards, study=study: member_settings(config, STUDIES, study, wildcards.experiment),
            n_shards=lambda wildcards, study=study: config[study][wildcards.experiment]["shards"],
            code=lambda wildcards, study=study: members_hash(study, wildcards.experiment),
            contents=lambda wildcards, study=study: contents(*data_files(named_cases(study, wildcards.experiment))),
        script:
            "../scripts/run_members.py"


for (study, experiment), made in EXPERIMENTS.items():

    rule:
        """Reduce the records of an experiment to its tables."""
        name:
            f"{study}_{experiment}_tables"
        input:
            **resources_of(study, experiment),
            runs=shards(study, experiment),
            sidecars=sidecars(shards(study, experiment)),
        output:
            tables=[f"{RESULTS}/tables/{study}/{table}.csv" for table in made["tables"]],
            sums=f"{RESULTS}/tables/{study}/{experiment}.sha256",
        log:
            f"{RESULTS}/logs/{study}/{experiment}_tables.log",
        benchmark:
            f"{RESULTS}/benchmarks/{study}/{experiment}_tables.tsv"
        # Tables and figures are made as soon as they can be, so that no long chain of them is left for the end.
        priority: 2
        # On a cluster, and nowhere else: tables and figures of an experiment, seconds each, are one job.
        group:
            f"{study}_{experiment}"
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            module=f"scalinglaws.{study}.tables.{experiment}",
            presentation=presentation(study, experiment),
            code=script_hash("tables.py", f"scalinglaws.{study}.tables.{experiment}"),
            contents=contents(*resources_of(study, experiment).values()),
        script:
            "../scripts/tables.py"

    rule:
        """Draw the figures of an experiment from tables alone."""
        name:
            f"draw_{study}_{experiment}"
        input:
            **tables_of_figures(study, made["figures"]),
            sums=sums_of(study, tables_of_figures(study, made["figures"])),
        output:
            **figure_files(study, STUDIES[study]["title"], made["figures"]),
            sums=f"{RESULTS}/figures/{study}/{experiment}.sha256",
        log:
            f"{RESULTS}/logs/{study}/draw_{experiment}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{study}/draw_{experiment}.tsv"
        priority: 1
        group:
            f"{study}_{experiment}"
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            dpi=config["figure_dpi"],
            code=script_hash("draw.py", *(f"scalinglaws.plots.{figure}" for figure in made["figures"])),
        script:
            "../scripts/draw.py"
