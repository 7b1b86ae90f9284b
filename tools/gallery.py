"""Take the default run's figures and tables into the committed gallery: `python tools/gallery.py`.

Copies pictures and tables from results/default to figures/, and writes figures/README.md and the summary in README.md
from the verdicts. A test fails when either page is out of step with figures/tables/claims.csv.
"""

import importlib
import shutil
from pathlib import Path

from scalinglaws.store import load_table, load_yaml, save_text

ROOT = Path(__file__).resolve().parents[1]
RUN, GALLERY = ROOT / "results/default", ROOT / "figures"
BEGIN, END = "<!-- verdicts: made by `make gallery` -->", "<!-- end of verdicts -->"


def main():
    for old in GALLERY.glob("tables/**/*.csv"):
        if old.name != "benchmark.csv":  # that table is not the run's
            old.unlink()
    for old in GALLERY.glob("*/*.png"):
        old.unlink()
    for source in [*RUN.glob("figures/*/*.png"), *RUN.glob("tables/**/*.csv"), RUN / "claims.md"]:
        target = GALLERY / source.relative_to(RUN / "figures" if source.suffix == ".png" else RUN)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    verdicts = load_table(GALLERY / "tables/claims.csv")
    pictures = sorted(path.relative_to(GALLERY) for path in GALLERY.glob("*/*.png"))
    save_text(GALLERY / "README.md", gallery_page(pictures, verdicts))
    readme = ROOT / "README.md"
    save_text(readme, with_headline(readme.read_text(encoding="utf-8"), verdicts))


def gallery_page(pictures, verdicts):
    """Every picture with its reading, study by study, under the verdicts."""
    parts = ["# Gallery of the default run\n", "Made by `make gallery`; all numbers are in `tables/`.\n"]
    parts += [headline(verdicts), "Every measurement behind the verdicts is in [claims.md](claims.md).\n"]
    for study, about in load_yaml(ROOT / "workflow/studies.yaml").items():
        parts += [f"## {about['title']}\n"]
        parts += [_shown(picture) for picture in pictures if picture.parts[0] == study]
    return "\n".join(parts)


def _shown(picture):
    return f"### {picture.stem.replace('_', ' ')}\n\n{reading(picture.stem)}\n\n![]({picture})\n"


def reading(figure):
    """One sentence on a figure: what its module says it shows."""
    return importlib.import_module(f"scalinglaws.plots.{figure}").__doc__.strip().splitlines()[0]


def summary(verdicts):
    """A line per verdict, failures first; claims that did not come out whole with their worst number."""
    lines = [
        f"| **{verdict}** ({len(rows)}) | {', '.join(_summed(row) for row in rows.itertuples())} |\n"
        for verdict, rows in verdicts.groupby("verdict", sort=False)
    ]
    return "| verdict | claims: worst number, and what is allowed |\n|---|---|\n" + "".join(lines)


def _summed(row):
    return row.id if row.verdict == "replicated" else f"{row.id}: {row.value:.3g} ({_allowed(row)})"


def headline(verdicts):
    """The verdicts as a short table, failures first."""
    head = "| claim | verdict | worst measurement | measured | allowed |\n|---|---|---|---|---|\n"
    return head + "".join(_headline_row(row) for row in verdicts.itertuples())


def _headline_row(row):
    interval = f" [{row.low:.4g}, {row.high:.4g}]" if row.low != row.high else ""
    quantity = f"{row.quantity} ({row.rows})"
    return f"| {row.id} | **{row.verdict}** | {quantity} | {row.value:.4g}{interval} | {_allowed(row)} |\n"


def _allowed(row):
    return " and ".join(part for part in (_bound("≥", row.lower), _bound("≤", row.upper)) if part)


def _bound(sign, value):
    return f"{sign} {value:.3g}" if abs(value) != float("inf") else ""


def with_headline(readme, verdicts):
    """The README with the table between its markers renewed."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{summary(verdicts)}\n{END}{after}"


if __name__ == "__main__":
    main()
