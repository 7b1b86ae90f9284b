"""One look for all figures: palette, line styles that hold in grey, panels, and names for axes."""

import functools
import re
import textwrap
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, NullLocator

# Seaborn's colour-blind palette; every use pairs a colour with a line style or marker, so that grey prints read too.
# Palette and style are written out, and tested to be seaborn's: to import it would cost every drawing job a third more.
HEX = "0173b2 de8f05 029e73 d55e00 cc78bc ca9161 fbafe4 949494 ece133 56b4e9"
PALETTE = tuple(mpl.colors.to_rgb(f"#{HEX[start : start + 6]}") for start in range(0, len(HEX), 7))
BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, PINK, GREY, YELLOW, SKY = PALETTE
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
# Digits and the minus sign, plain or typeset, as superscripts.
RAISED = str.maketrans("-\u22120123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
DECADES_WITH_MINOR_TICKS = 3
# Letters of a title that fit into an inch.
LETTERS_PER_INCH = 13
# Its style "ticks" in the context "paper", where they differ from matplotlib's own.
SEABORN = {
    "axes.labelcolor": ".15",
    "xtick.color": ".15",
    "ytick.color": ".15",
    "axes.axisbelow": True,
    "text.color": ".15",
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "axes.edgecolor": ".15",
    "grid.color": ".8",
    "axes.linewidth": 1.0,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.8,
    "patch.linewidth": 0.8,
    "xtick.major.width": 1.0,
    "ytick.major.width": 1.0,
    "xtick.minor.width": 0.8,
    "ytick.minor.width": 0.8,
    "xtick.major.size": 4.8,
    "ytick.major.size": 4.8,
    "xtick.minor.size": 3.2,
    "ytick.minor.size": 3.2,
    "font.size": 9.6,
    "axes.labelsize": 9.6,
    "axes.titlesize": 9.6,
    "xtick.labelsize": 8.8,
    "ytick.labelsize": 8.8,
    "legend.fontsize": 8.8,
    "legend.title_fontsize": 9.6,
}
SETTINGS = {
    **SEABORN,
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


def _plain_powers(axis):
    """Powers of ten of a logarithmic axis as plain text, and over many decades no ticks between them: a quarter of the
    time of all figures."""
    if isinstance(axis.get_major_formatter(), LogFormatterSciNotation):
        axis.set_major_formatter(PlainPowers())
        low, high = sorted(axis.get_view_interval())
        if high > 10**DECADES_WITH_MINOR_TICKS * low:
            axis.set_minor_locator(NullLocator())


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


class PlainPowers(LogFormatterSciNotation):
    """Powers of ten as text with raised digits: typeset as formulas they would take a third of the time of a figure."""

    def __call__(self, x, pos=None):
        """The label of a tick at x."""
        formula = super().__call__(x, pos)
        text = formula.replace("$\\mathdefault{", "").replace("}$", "").replace("\\times", "\u00d7")
        return re.sub(r"\^\{(.*?)\}", lambda power: power[1].translate(RAISED), text)


class HouseFigure(Figure):
    """A figure that is also laid out and saved in the house style: ticks, fonts and dots are settled only then.

    Laid out once, when it is first saved: matplotlib would do it for every format, at half of the time of each.
    """

    def savefig(self, *args, **kwargs):
        """As Figure.savefig."""
        with house_style():
            if self.get_layout_engine() is not None:
                for axis in (axis for ax in self.axes for axis in (ax.xaxis, ax.yaxis)):
                    _plain_powers(axis)
                self.get_layout_engine().execute(self)
            # Around saving too: matplotlib puts back a layout engine by this setting, and would lay out again.
            with mpl.rc_context({"figure.constrained_layout.use": False}):
                self.set_layout_engine(None)
                super().savefig(*args, **kwargs)


def panels(n_rows, n_columns, title, *, panel=(3.4, 2.7), **options):
    """A figure with a title that says what to see, and its axes as an (n_rows, n_columns) array."""
    figure = HouseFigure(figsize=(panel[0] * n_columns, panel[1] * n_rows + 0.5))
    # Layout and file share a canvas, and at the same dots per inch the formulas that it has read.
    FigureCanvasAgg(figure)
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
