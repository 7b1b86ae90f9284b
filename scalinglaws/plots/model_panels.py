"""A panel for each of a user's networks, however many there are."""

import textwrap

from scalinglaws.plots import style

# Letters of a case's name in a line.
NAME_WIDTH = 24
# Inches of a panel that is alone: its figure has a title and legends to hold too.
SINGLE = (5.6, 3.4)


def case_name(case):
    """A case's name for a reader."""
    return textwrap.fill(case.replace("_", " "), NAME_WIDTH)


def case_panels(cases, title, xlabel, ylabel, *, missing):
    """A figure and its axes by case, at most three in a row, that share their labelled axes.

    missing: what to say when there are no cases; the figure then has no other panel.
    """
    if not cases:
        return _only_words(title, xlabel, ylabel, missing), {}
    panel = SINGLE if len(cases) == 1 else (3.4, 2.7)
    columns = 2 if len(cases) == 4 else min(len(cases), 3)
    figure, axes = style.panels(-(-len(cases) // columns), columns, title, panel=panel, sharex=True, sharey=True)
    used, spare = list(axes.flat)[: len(cases)], list(axes.flat)[len(cases) :]
    for ax in spare:
        ax.remove()
    for ax, case in zip(used, cases, strict=True):
        ax.set_title(case_name(case))
    # The last panel of each column is not always in the last row.
    for ax in used[-columns:]:
        ax.set_xlabel(xlabel)
        ax.tick_params(labelbottom=True)
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel)
    return figure, dict(zip(cases, used, strict=True))


def _only_words(title, xlabel, ylabel, words):
    figure, axes = style.panels(1, 1, title, panel=SINGLE)
    say(axes[0, 0], words)
    axes[0, 0].set(xlabel=xlabel, ylabel=ylabel, xticks=[], yticks=[])
    return figure


def say(ax, words):
    """Words in the middle of a panel that has nothing else to show."""
    ax.text(0.5, 0.5, textwrap.fill(words, 36), transform=ax.transAxes, ha="center", va="center")


def spread_note(table, mean="mean"):
    """What the values are over seeds, for an axis label: 'mean, 95% interval, 3 seeds'; 'no rows' of an empty table."""
    if table.empty:
        return "no rows"
    return f"{mean}, 95% interval, {style.seeds_note(table)}" if table.seeds.max() > 1 else style.seeds_note(table)
