"""Bring the studies together: verdicts, and the check that every member finished."""


rule claims:
    """Put the claims on trial: verdicts from tables only, failures first."""
    input:
        tables=[f"{RESULTS}/tables/{name}.csv" for name in TABLE_NAMES],
        claims=CLAIMS,
    output:
        claims=report(
            f"{RESULTS}/tables/claims.csv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "verdicts"},
        ),
        measurements=f"{RESULTS}/tables/claim_measurements.csv",
        page=f"{RESULTS}/claims.md",
    log:
        f"{RESULTS}/logs/claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        names=TABLE_NAMES,
        code=script_hash("judge.py"),
    script:
        "../scripts/judge.py"


rule complete:
    """Fail, naming them, if members of any experiment diverged; runs last, so that nothing else is held up."""
    input:
        runs=[shard for experiment in EXPERIMENTS for shard in shards(*experiment)],
        claims=f"{RESULTS}/claims.md",
        figures=FIGURES,
    output:
        f"{RESULTS}/complete",
    log:
        f"{RESULTS}/logs/complete.log",
    benchmark:
        f"{RESULTS}/benchmarks/complete.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=script_hash("complete.py"),
    script:
        "../scripts/complete.py"
