"""Spectral shells: train, reduce to tables, draw; one rule of each kind for every experiment."""


rule shells_members:
    """Train the members of one shard of an experiment and keep their accounts."""
    output:
        arrays=f"{RESULTS}/runs/shells/{{experiment}}/{{shard}}.npz",
        about=f"{RESULTS}/runs/shells/{{experiment}}/{{shard}}.json",
    log:
        f"{RESULTS}/logs/shells/{{experiment}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/shells/{{experiment}}/{{shard}}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        experiment="scalinglaws.shells.experiments.{experiment}",
        settings=lambda wildcards: experiment_settings(wildcards.experiment),
        n_shards=lambda wildcards: config["shells"][wildcards.experiment]["shards"],
        code=lambda wildcards: script_hash("run_members.py", f"scalinglaws.shells.experiments.{wildcards.experiment}"),
    script:
        "../scripts/run_members.py"


for experiment, made in EXPERIMENTS.items():

    rule:
        name:
            f"shells_{experiment}_tables"
        input:
            shards(experiment),
        output:
            [f"{RESULTS}/tables/shells/{table}.csv" for table in made["tables"]],
        log:
            f"{RESULTS}/logs/shells/{experiment}_tables.log",
        benchmark:
            f"{RESULTS}/benchmarks/shells/{experiment}_tables.tsv"
        # Tables and figures are made as soon as they can be, so that no long chain of them is left for the end.
        priority: 1
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            module=f"scalinglaws.shells.tables.{experiment}",
            presentation=presentation(experiment),
            code=script_hash("tables.py", f"scalinglaws.shells.tables.{experiment}"),
        script:
            "../scripts/tables.py"

    rule:
        name:
            f"draw_shells_{experiment}"
        input:
            **tables_of_figures(made["figures"]),
        output:
            **shells_figures(made["figures"]),
        log:
            f"{RESULTS}/logs/shells/draw_{experiment}.log",
        benchmark:
            f"{RESULTS}/benchmarks/shells/draw_{experiment}.tsv"
        priority: 1
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            code=script_hash("draw.py", *(f"scalinglaws.plots.{figure}" for figure in made["figures"])),
        script:
            "../scripts/draw.py"
