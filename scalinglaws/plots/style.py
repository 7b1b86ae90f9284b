"""One look for all figures: palette, line styles that hold in grey, panels, and names for axes."""

import functools
import textwrap
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

# Seaborn's colour-blind palette; every use pairs a colour with a line style or marker, so that grey prints read too.
PALETTE = BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, PINK, GREY, YELLOW, SKY = sns.color_palette("colorblind")
MARKERS, LINES = "osD^vPX", ("-", "--", ":")
PREDICTED = {"color": "black", "linestyle": (0, (4, 2)), "linewidth": 1.0}
# Where a panel's numbers are written.
CORNER = {"xy": (0.03, 0.95), "xycoords": "axes fraction", "va": "top", "fontsize": 7}
DATASETS = {
    "power_law": "power-law data",
    "digits": "handwritten digits",
    "power_law_small": "power-law data",
    "digits_small": "handwritten digits",
    "digits_classes": "digits, ten classes",
    "multi_index": "multi-index data",
    **{f"power_law_{size}": "power-law data" for size in ("half", "medium")},
    **{f"digits_{size}": "handwritten digits" for size in ("half", "medium")},
}
# Letters of a title that fit into an inch.
LETTERS_PER_INCH = 13
SETTINGS = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("paper"),
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "figure.constrained_layout.use": True,
    "font.family": ["DejaVu Sans"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "scalinglaws",
}


@contextmanager
def house_style():
    """Within the block matplotlib draws in the house style, whatever the caller's settings, which come back after."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def styled(draw):
    """Run a drawing function in the house style."""

    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        with house_style():
            return draw(*args, **kwargs)

    return wrapper


class HouseFigure(Figure):
    """A figure that is also laid out and saved in the house style: ticks, fonts and dots are settled only then.

    Laid out once, when it is first saved: matplotlib would do it twice for every format, at half of the time of each.
    """

    def savefig(self, *args, **kwargs):
        """As Figure.savefig."""
        with house_style():
            if self.get_layout_engine() is not None:
                self.draw_without_rendering()
                with mpl.rc_context({"figure.constrained_layout.use": False}):
                    self.set_layout_engine(None)
            super().savefig(*args, **kwargs)


def panels(n_rows, n_columns, title, *, panel=(3.4, 2.7), **options):
    """A figure with a title that says what to see, and its axes as an (n_rows, n_columns) array."""
    figure = HouseFigure(figsize=(panel[0] * n_columns, panel[1] * n_rows + 0.5))
    axes = figure.subplots(n_rows, n_columns, squeeze=False, **options)
    figure.suptitle("\n".join(textwrap.wrap(title, int(LETTERS_PER_INCH * figure.get_figwidth()))), fontsize=10)
    return figure, axes


def dataset_name(name):
    """A data set's name for a reader; names from a user's own settings are shown as they are."""
    return DATASETS.get(name, name.replace("_", " "))


def shades(values, palette="viridis"):
    """Colour of each of the sorted values, dark to light in order, so that the order survives in grey."""
    values = sorted(values)
    colours = mpl.colormaps[palette](np.linspace(0.0, 0.88, len(values)))
    return dict(zip(values, colours, strict=True))


def look(index, *, lines=("-",)):
    """Colour, marker and line style of a panel's line number `index`; different for the first seventy."""
    chosen = {"color": PALETTE[index % len(PALETTE)], "marker": MARKERS[index % len(MARKERS)]}
    return {**chosen, "linestyle": lines[index % len(lines)], "markersize": 4, "linewidth": 1.2}


def curve(ax, table, x, *, value="value", **style):
    """A line with its interval over seeds as a band."""
    line = ax.plot(table[x], table[value], **style)[0]
    if table["low"].notna().any():
        ax.fill_between(table[x], table["low"], table["high"], color=line.get_color(), alpha=0.2, linewidth=0)
    return line


def entries(axes):
    """Handles and labels for the legend of several panels, each label once, from the first panel that has it."""
    pairs = [pair for ax in axes for pair in zip(*ax.get_legend_handles_labels(), strict=True)]
    first = {label: handle for handle, label in reversed(pairs)}
    labels = list(dict.fromkeys(label for _, label in pairs))
    return [first[label] for label in labels], labels


def seeds_note(table):
    """How many seeds the curves average, for the axis label or caption: '5 seeds' or '3 to 5 seeds'."""
    low, high = int(table["seeds"].min()), int(table["seeds"].max())
    counted = f"{high} seed{'' if high == 1 else 's'}"
    return counted if low == high else f"{low} to {counted}"


def slope_note(rows, *, digits):
    """A fitted slope with its interval for a legend, from a table of at most one row."""
    if rows.empty:
        return "no slope"
    row = rows.iloc[0]
    return f"slope {row.slope:.{digits}f} [{row.low:.{digits}f}, {row.high:.{digits}f}]"


def regime_title(dataset, richness, contrast):
    """Title of one panel of a lazy / feature-learning pair."""
    regime = "lazy" if richness == min(contrast) else "feature learning"
    return f"{dataset_name(dataset)}\n{regime}, richness {richness:g}"
