"""Bring the studies together: verdicts, what made each file, and the check that every member finished."""


rule claims:
    """Put the claims on trial: verdicts from tables only, failures first; captions say them beside the figures."""
    input:
        tables=ALL_TABLES,
        sums=ALL_SUMS,
        claims=CLAIMS,
        captions=[f"{CAPTIONS}/{figure}.rst" for figure in ALL_FIGURES],
    output:
        claims=report(
            f"{RESULTS}/tables/claims.csv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "verdicts"},
        ),
        measurements=f"{RESULTS}/tables/claim_measurements.csv",
        sums=f"{RESULTS}/tables/claims.sha256",
        page=f"{RESULTS}/claims.md",
        html=report(
            f"{RESULTS}/claims.html",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "every measurement"},
        ),
        captions=[caption_of(figure) for figure in ALL_FIGURES],
        sums_of_text=f"{RESULTS}/claims.sha256",
    log:
        f"{RESULTS}/logs/claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims.tsv"
    # Before the figures that are left: what comes of the verdicts is the longest chain at the end of a run.
    priority: 2
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        names=TABLE_NAMES,
        code=script_hash("judge.py"),
        contents=contents(CLAIMS, *(f"{CAPTIONS}/{figure}.rst" for figure in ALL_FIGURES)),
    script:
        "../scripts/judge.py"


rule draw_claims:
    """Draw all claims at a glance."""
    input:
        claims=rules.claims.output.claims,
        claim_measurements=rules.claims.output.measurements,
        sums=[rules.claims.output.sums],
    output:
        **figure_files("claims", "Claims", ["claims_overview"]),
        sums=f"{RESULTS}/figures/claims/claims_overview.sha256",
    log:
        f"{RESULTS}/logs/draw_claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_claims.tsv"
    priority: 2
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        dpi=config["figure_dpi"],
        code=script_hash("draw.py", "scalinglaws.plots.claims_overview"),
    script:
        "../scripts/draw.py"


rule manifest:
    """Say of every file of the run what it is, what made it and from what; once for people, once as a research object."""
    input:
        runs=ALL_SHARDS,
        sidecars=sidecars(ALL_SHARDS),
        tables=ALL_TABLES,
        sums=ALL_SUMS,
        figures=FIGURES,
        figure_sums=ALL_FIGURE_SUMS,
        claims=rules.claims.output,
        citation=f"{workflow.basedir}/CITATION.cff",
    output:
        manifest=f"{RESULTS}/manifest.json",
        crate=f"{RESULTS}/ro-crate-metadata.json",
    log:
        f"{RESULTS}/logs/manifest.log",
    benchmark:
        f"{RESULTS}/benchmarks/manifest.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        steps=[
            *(step(rules, name) for name in [*TABLE_RULES, "draw_claims"]),
            *drawing_steps(rules),
            *verdict_steps(rules),
        ],
        settings=config,
        code=script_hash("manifest.py"),
        contents=contents(f"{workflow.basedir}/CITATION.cff"),
    script:
        "../scripts/manifest.py"


rule complete:
    """Fail, naming them, if members of any experiment diverged; runs last, so that nothing else is held up."""
    input:
        runs=ALL_SHARDS,
        sidecars=sidecars(ALL_SHARDS),
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
