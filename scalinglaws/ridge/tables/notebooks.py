"""Tables of the notebooks experiment: where the numbers of the authors' notebooks are off, by how much, and why."""

import numpy as np
import pandas as pd

from scalinglaws.ridge.equivalents import learning_curve
from scalinglaws.ridge.notebook_sections import SECTIONS

# Below these the simulated quantities scatter too much from draw to draw for a comparison of conventions.
FEWEST_SAMPLES = 30
# What is kept point by point.
SHOWN = ("kappa1", "kappa2", "excess_risk", "train_error")
KEYS = ["section", "source", "quantity", "point"]
DEVIATION_COLUMNS = (*KEYS, "convention", "n_samples", "authors", "ours", "deviation")
ERROR_COLUMNS = ("section", "quantity", "largest_deviation", "n_samples", "authors", "ours")
CAUSE_COLUMNS = ("cause", "section", "quantity", "value", "n_samples")
CURVE_COLUMNS = ("section", "dim", "ridge", "grid", "convention", "point", "n_samples")


def tables(records, authors):
    """All tables of the experiment by name; `authors` is the table of what the notebooks return."""
    curves = _curves(records)
    deviations = notebook_deviations(curves, authors)
    causes = [
        *_solver_rows(curves, authors),
        *_convention_rows(curves, deviations, records),
        *_simulation_rows(curves, authors, records),
        *_rounding_rows(curves),
    ]
    return {
        "notebook_deviations": deviations[deviations.quantity.isin(SHOWN)].reset_index(drop=True),
        "notebook_errors": notebook_errors(deviations),
        "notebook_causes": pd.DataFrame(causes, columns=CAUSE_COLUMNS),
    }


def _curves(records):
    """A row per section, grid, convention and point with the fields of theory in columns."""
    empty = pd.DataFrame(columns=[*CURVE_COLUMNS, "kappa1", "excess_risk"])
    per_section = {"target_power", "rescaling_error"}
    frames = [pd.DataFrame({n: v for n, v in record.items() if n not in per_section}) for record in records]
    return pd.concat(frames, ignore_index=True) if frames else empty


def notebook_deviations(curves, authors):
    """authors / ours - 1 at every point: their theory against ours in its convention, "input", and their simulation
    against ours in its own, "layer", and for several layers, where it makes a difference, in "input" too."""
    ours = curves.melt([name for name in CURVE_COLUMNS if name in curves], var_name="quantity", value_name="ours")
    ours = ours.rename(columns={"grid": "source"})[[*KEYS, "convention", "ours"]]
    both = ours.section.isin([name for name, section in SECTIONS.items() if len(section.widths) > 1])
    own = ours.convention == ours.source.map({"theory": "input", "simulation": "layer"})
    table = authors.dropna(subset="point").rename(columns={"value": "authors"})
    table = table.merge(ours[own | (both & (ours.source == "simulation"))], on=KEYS)
    # What is 0 in theory, as the noise without noise, has no relative deviation.
    table = table[table.ours != 0]
    return table.assign(deviation=table.authors / table.ours - 1)[[*DEVIATION_COLUMNS]].reset_index(drop=True)


def notebook_errors(deviations):
    """The largest deviation of the notebooks' theory in each section and quantity, and where it is found."""
    theory = deviations[deviations.source == "theory"].assign(largest_deviation=deviations.deviation.abs())
    worst = theory.groupby(["section", "quantity"]).largest_deviation.idxmax()
    return theory.loc[worst, [*ERROR_COLUMNS]].reset_index(drop=True)


def _at_largest(table, values):
    """(value, n_samples) where |values| is largest."""
    place = np.abs(values).argmax()
    return values[place], table.n_samples.to_numpy()[place]


def _of(table, **wanted):
    """Rows of a table whose columns equal what is wanted, by point."""
    chosen = np.logical_and.reduce([table[name] == value for name, value in wanted.items()])
    return table[chosen].sort_values("point")


def _theory_of(authors, section):
    """The notebooks' theory of a section, a column per quantity."""
    return _of(authors, section=section, source="theory").pivot(index="point", columns="quantity", values="value")


def _solver_rows(curves, authors):
    """The solver: the ridge that the notebooks' kappa1 solves the equation for, and what exact theory says there."""
    for section in curves.section.unique():
        ours, theirs = _of(curves, section=section, grid="theory", convention="input"), _theory_of(authors, section)
        n_samples, ridge = ours.n_samples.to_numpy(), ours.ridge.to_numpy()
        solved = (theirs.kappa1 * (1 - theirs.df1 * SECTIONS[section].dim / n_samples)).to_numpy()
        explained = learning_curve(SECTIONS[section].problem(n_samples, ridge=solved)).excess_risk
        unexplained = (theirs.excess_risk / explained - 1).abs().to_numpy()
        yield "solver", section, "residual of the equation", *_at_largest(ours, solved - ridge)
        yield "solver", section, "residual over ridge", *_at_largest(ours, solved / ridge - 1)
        yield "solver", section, "excess risk at the ridge solved for", *_at_largest(ours, unexplained)


def _convention_rows(curves, deviations, records):
    """The convention of several layers: theory in one against the other, and the notebooks' simulation against both."""
    for record in (one for one in records if len(SECTIONS[str(one["section"])].widths) > 1):
        section = str(record["section"])
        pair = [_of(curves, section=section, grid="theory", convention=name) for name in ("input", "layer")]
        yield "convention", section, "rescaled ridge", float(record["rescaling_error"]), np.nan
        for quantity in ("kappa1", "train_error", "excess_risk"):
            given, layer = (one[quantity].to_numpy() for one in pair)
            yield "convention", section, f"{quantity}, input against layer", *_at_largest(pair[0], given / layer - 1)
        simulated = _of(deviations, section=section, source="simulation", quantity="kappa1")
        for convention, table in simulated[simulated.n_samples >= FEWEST_SAMPLES].groupby("convention"):
            value, n_samples = _at_largest(table, np.abs(table.deviation.to_numpy()))
            yield "convention", section, f"kappa1, simulation against {convention}", value, n_samples


def _simulation_rows(curves, authors, records):
    """The simulation: power of the one test set, and a bias that holds a share of the variances."""
    for record in records:
        section = str(record["section"])
        simulated = _of(authors, section=section, source="simulation")
        if simulated.empty:
            continue
        about = simulated[simulated.point.isna()].set_index("quantity").value
        power = about.target_power / float(record["target_power"])
        yield "test set", section, "power of the labels", power - 1, np.nan
        bias = _of(simulated, quantity="bias").set_index("point").value
        ours = _of(curves, section=section, grid="simulation", convention="layer").set_index("point").loc[bias.index]
        yield "plug-in bias", section, "measured over exact", *_at_largest(ours, (bias / ours.bias).to_numpy())
        ratio = bias / (power * _plug_in_bias(ours, about.data_draws, about.get("feature_draws", 1.0)))
        yield "plug-in bias", section, "measured over expected, median", ratio.median(), np.nan


def _plug_in_bias(theory, data_draws, feature_draws):
    """Expected error of the mean over draws: what averages over them is left of each variance."""
    over_both = theory.var_xf / (data_draws * feature_draws)
    return theory.bias + theory.var_x / data_draws + theory.var_f / feature_draws + over_both


def _rounding_rows(curves):
    """Theory at a real number of samples against theory at its integer part, where the simulation is."""
    for section in curves.section.unique():
        pair = [_of(curves, section=section, grid=grid, convention="input") for grid in ("theory", "simulation")]
        if len(pair[0]) == len(pair[1]):
            real, integer = (one.excess_risk.to_numpy() for one in pair)
            yield "rounding", section, "excess_risk", *_at_largest(pair[0], real / integer - 1)
