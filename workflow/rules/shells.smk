"""Spectral shells: train, reduce to tables, draw."""

TABLES = f"{RESULTS}/tables/shells"


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


rule shells_sweep_tables:
    """Tables of the richness sweep."""
    input:
        shards("sweep"),
    output:
        runs=f"{TABLES}/runs.csv",
        lazy_slopes=f"{TABLES}/lazy_slopes.csv",
        loss_curves=f"{TABLES}/loss_curves.csv",
        spectra=f"{TABLES}/spectra.csv",
        energy_maps=f"{TABLES}/energy_maps.csv",
        shell_budgets=f"{TABLES}/shell_budgets.csv",
    log:
        f"{RESULTS}/logs/shells/sweep_tables.log",
    benchmark:
        f"{RESULTS}/benchmarks/shells/sweep_tables.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        contrast=config["shells"]["sweep"]["contrast"],
        code=script_hash("tables_sweep.py"),
    script:
        "../scripts/tables_sweep.py"


rule shells_width_tables:
    """Tables of the width sweep."""
    input:
        shards("widths"),
    output:
        runs=f"{TABLES}/width_runs.csv",
        slopes=f"{TABLES}/width_slopes.csv",
    log:
        f"{RESULTS}/logs/shells/width_tables.log",
    benchmark:
        f"{RESULTS}/benchmarks/shells/width_tables.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=script_hash("tables_widths.py"),
    script:
        "../scripts/tables_widths.py"


rule shells_order_tables:
    """Tables of the convergence experiment."""
    input:
        shards("orders"),
    output:
        errors=f"{TABLES}/order_errors.csv",
        fits=f"{TABLES}/order_fits.csv",
    log:
        f"{RESULTS}/logs/shells/order_tables.log",
    benchmark:
        f"{RESULTS}/benchmarks/shells/order_tables.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=script_hash("tables_orders.py"),
    script:
        "../scripts/tables_orders.py"


rule draw_shells_sweep:
    """Figures of the richness sweep."""
    input:
        runs=f"{TABLES}/runs.csv",
        lazy_slopes=f"{TABLES}/lazy_slopes.csv",
        loss_curves=f"{TABLES}/loss_curves.csv",
        spectra=f"{TABLES}/spectra.csv",
        energy_maps=f"{TABLES}/energy_maps.csv",
        shell_budgets=f"{TABLES}/shell_budgets.csv",
    output:
        **shells_figures("loss", "spectrum", "energy_map", "shell_budget", "lazy_limit"),
    log:
        f"{RESULTS}/logs/shells/draw_sweep.log",
    benchmark:
        f"{RESULTS}/benchmarks/shells/draw_sweep.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=drawing_hash("loss", "spectrum", "energy_map", "shell_budget", "lazy_limit"),
    script:
        "../scripts/draw.py"


rule draw_shells_widths:
    """Figure of the width sweep."""
    input:
        width_runs=f"{TABLES}/width_runs.csv",
        width_slopes=f"{TABLES}/width_slopes.csv",
    output:
        **shells_figures("width_scaling"),
    log:
        f"{RESULTS}/logs/shells/draw_widths.log",
    benchmark:
        f"{RESULTS}/benchmarks/shells/draw_widths.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=drawing_hash("width_scaling"),
    script:
        "../scripts/draw.py"


rule draw_shells_orders:
    """Figure of the convergence experiment."""
    input:
        order_errors=f"{TABLES}/order_errors.csv",
        order_fits=f"{TABLES}/order_fits.csv",
    output:
        **shells_figures("orders"),
    log:
        f"{RESULTS}/logs/shells/draw_orders.log",
    benchmark:
        f"{RESULTS}/benchmarks/shells/draw_orders.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=drawing_hash("orders"),
    script:
        "../scripts/draw.py"
