"""Take the default run into the committed gallery: `python tools/gallery.py`; with `--check`, see that it is in step.

Copies pictures, tables and claims from results/default to figures/, and writes figures/README.md and the summary in
README.md from these, the captions and the settings. With `--check` nothing is written: what is out of step is named,
and the exit status is 1.
"""

import argparse
import importlib
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pandas as pd

from scalinglaws.captions import allowed, measured, named, parameters, verdict_links
from scalinglaws.claims import as_markdown, trial
from scalinglaws.claims_page import as_html
from scalinglaws.store import load_table, load_yaml, save_json, save_table, save_text

ROOT = Path(__file__).resolve().parents[1]
RUN, GALLERY = ROOT / "results/default", ROOT / "figures"
BEGIN, END = "<!-- verdicts: made by `make gallery` -->", "<!-- end of verdicts -->"
STUDIES = load_yaml(ROOT / "workflow/studies.yaml")
OVERVIEW = "claims/claims_overview.png"
# Made by `make benchmark`, with two tables.
COST = "benchmark/cost_against_size.png"
CLAIMS = ("claims.md", "claims.html", "tables/claims.csv", "tables/claim_measurements.csv")


def main():
    """Make the gallery, or check it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; name what is out of step, and fail")
    if parser.parse_args().check:
        faults = missing() or out_of_step(judged() | pages())
        print("\n".join(faults) or "figures/ and README.md are in step.")
        return int(bool(faults))
    take()
    for path, text in pages().items():
        save_text(ROOT / path, text)
    return 0


def wanted():
    """Every file of the run that the gallery holds, by its path there."""
    pictures = [f"{study}/{figure}.png" for study in STUDIES for figure in made(study, "figures")]
    return [*CLAIMS, OVERVIEW, *pictures, *(f"tables/{name}.csv" for name in tables())]


def tables():
    """The studies' tables, by their path under tables/ without the suffix."""
    return [f"{study}/{table}" for study in STUDIES for table in made(study, "tables")]


def made(study, kind):
    """All `tables` or all `figures` of a study, experiment by experiment."""
    return [name for experiment in STUDIES[study]["experiments"].values() for name in experiment[kind]]


def held():
    """The pictures and the studies' tables that the gallery holds; those of the benchmark are not the run's."""
    pictures = (path for path in GALLERY.glob("*/*.png") if path != GALLERY / COST)
    return [*pictures, *GALLERY.glob("tables/*/*.csv")]


def take():
    """Put the default run's files in place of the gallery's."""
    for old in held():
        old.unlink()
    for path in wanted():
        (GALLERY / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(RUN / "figures" / path if path.endswith(".png") else RUN / path, GALLERY / path)
    manifest = json.loads((RUN / "manifest.json").read_text(encoding="utf-8"))
    save_json(GALLERY / "environment.json", {name: manifest[name] for name in ("software", "machine")})
    save_table(GALLERY / "costs.csv", costs())


def costs():
    """Seconds that the jobs of the default run took, by the names that the lines of progress give them."""
    files = sorted((RUN / "benchmarks").rglob("*.tsv"))
    seconds = [round(pd.read_csv(path, sep="\t").s.mean(), 1) for path in files]
    return pd.DataFrame({"job": [job_name(path) for path in files], "seconds": seconds}).sort_values("job")


def job_name(path):
    """The rule and the wildcards of the job that a benchmark belongs to."""
    study, *rest = path.relative_to(RUN / "benchmarks").with_suffix("").parts
    if not rest:
        return study
    if len(rest) == 2:
        return f"{study}_members {' '.join(rest)}"
    return f"draw_{study}_{rest[0].removeprefix('draw_')}" if rest[0].startswith("draw_") else f"{study}_{rest[0]}"


def missing():
    """A line for every file that the gallery lacks, or holds though the workflow makes none such."""
    files = [*wanted(), "environment.json", "costs.csv"]
    strange = sorted({path.relative_to(GALLERY).as_posix() for path in held()} - set(files))
    lines = [f"figures/{path} is missing" for path in files if not (GALLERY / path).is_file()]
    return lines + [f"figures/{path} is made by no rule" for path in strange]


def judged():
    """The text of each file that config/claims.yaml and the gallery's tables give today, by path."""
    entries = load_yaml(ROOT / "config/claims.yaml")["claims"]
    claims, measurements = trial(entries, {name: load_table(GALLERY / f"tables/{name}.csv") for name in tables()})
    rows = [table.to_csv(index=False, lineterminator="\n") for table in (claims, measurements)]
    texts = (as_markdown(claims, measurements), as_html(claims, measurements), *rows)
    return dict(zip((f"figures/{path}" for path in CLAIMS), texts, strict=True))


def out_of_step(texts):
    """A line for every file of the project that is not the text that it should be, by path."""
    stale = [path for path, text in texts.items() if (ROOT / path).read_text(encoding="utf-8") != text]
    return [f"{path} is out of step with the tables in figures/, the claims, captions or settings" for path in stale]


def pages():
    """The text of each page that is made from the gallery's tables, the captions and the settings, by path."""
    verdicts, config = load_table(GALLERY / "tables/claims.csv"), load_yaml(ROOT / "config/config.yaml")
    captions = {study: {figure: caption(figure, config) for figure in made(study, "figures")} for study in STUDIES}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return {"figures/README.md": gallery_page(verdicts, captions), "README.md": with_headline(readme, verdicts)}


def caption(figure, config):
    """What a figure's caption in the report says at these settings, without verdicts."""
    template = (ROOT / f"workflow/report/{figure}.rst").read_text(encoding="utf-8")
    return jinja2.Template(template, undefined=jinja2.StrictUndefined).render(snakemake=SimpleNamespace(config=config))


def gallery_page(verdicts, captions):
    """All verdicts, then study by study every picture with its reading, parameters, claims and tables."""
    parts = ["# Gallery of the default run\n"]
    parts += ["Made by `make gallery`, with the software and on the machine of [environment.json](environment.json).\n"]
    parts += [f"{reading('claims_overview')}\n", f"![all claims]({OVERVIEW})\n", headline(verdicts)]
    parts += ["[claims.md](claims.md) and, for a browser, [claims.html](claims.html) have every measurement.\n"]
    for study, about in STUDIES.items():
        parts += [f"## {about['title']}\n"]
        parts += [f"[{study}/README.md]({study}/README.md) says what was tried where a claim did not come out whole.\n"]
        parts += [_shown(study, figure, text, verdicts) for figure, text in captions[study].items()]
        parts += [f"Tables behind no picture: {_tables(study, _undrawn(study))}.\n"] if _undrawn(study) else []
    parts += ["## What it costs\n", f"{reading('benchmark_sizes')}\n", f"![cost against size]({COST})\n"]
    numbers = ", ".join(f"[{name}](tables/{name}.csv)" for name in ("benchmark", "benchmark_sizes"))
    parts += [f"Numbers, by `make benchmark`: {numbers}.\n"]
    return "\n".join(parts)


def _shown(study, figure, text, verdicts):
    name, claims = figure.replace("_", " "), verdict_links(named(text, verdicts), "claims.md")
    parts = [f"### {name}", reading(figure), f"![{name}]({study}/{figure}.png)", f"Parameters: {parameters(text)}"]
    return "\n\n".join([*parts, f"Claims: {claims}.", f"Numbers: {_tables(study, drawn(figure))}."]) + "\n"


def _tables(study, names):
    return ", ".join(f"[{name}](tables/{study}/{name}.csv)" for name in names)


def _undrawn(study):
    shown = {table for figure in made(study, "figures") for table in drawn(figure)}
    return [table for table in made(study, "tables") if table not in shown]


def drawn(figure):
    """The tables that a figure is drawn from."""
    return _module(figure).TABLES


def reading(figure):
    """One sentence on a figure: what its module says it shows."""
    return _module(figure).__doc__.strip().splitlines()[0]


def _module(figure):
    return importlib.import_module(f"scalinglaws.plots.{figure}")


def summary(verdicts):
    """A line per verdict, failures first; claims that did not come out whole with their worst number."""
    lines = [
        f"| **{verdict}** ({len(rows)}) | {', '.join(_summed(row) for row in rows.itertuples())} |\n"
        for verdict, rows in verdicts.groupby("verdict", sort=False)
    ]
    return "| verdict | claims: worst number, and what is allowed |\n|---|---|\n" + "".join(lines)


def _summed(row):
    whole = row.verdict == "replicated" or not row.measured
    return row.id if whole else f"{row.id}: {row.value:.3g} ({allowed(row)})"


def headline(verdicts):
    """The verdicts as a table, failures first."""
    head = "| claim | verdict | worst measurement | measured | allowed |\n|---|---|---|---|---|\n"
    return head + "".join(_headline_row(row) for row in verdicts.itertuples())


def _headline_row(row):
    quantity = f"{row.quantity} ({row.rows})" if row.measured else row.why
    number, band = (measured(row), allowed(row)) if row.measured else ("", "")
    cells = (row.id, f"**{row.verdict}**", quantity, number, band)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def with_headline(readme, verdicts):
    """The README with the table between its markers renewed."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{summary(verdicts)}\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
