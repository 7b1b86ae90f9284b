"""Tables of the learned spectra: distances to their laws, histograms, pruning, parts of the risk, and heavy tails.

Points of simulation have intervals over data sets. `largest` marks the largest dim of each kind and phase. Errors are
taken data set by data set, each against the law of its own teacher.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from scalinglaws.fits import seed_interval
from scalinglaws.shallow.tables.heavy_tails import heavy_tail_tables

PLACE = ("kind", "phase", "dim", "largest", "decay", "ratio", "weight_decay")
CURVE = ("kind", "dim", "decay", "ratio", "weight_decay")
PARTS = ("overfitting", "unlearned", "learned", "interaction")
MEASURED = ("value", "low", "high")
COLUMNS = {
    "spectrum_distances": (*PLACE, "quantity", *MEASURED, "predicted", "error", "error_low", "error_high", "seeds"),
    "spectrum_histograms": (*PLACE, "left", "right", *MEASURED, "seeds"),
    "spectrum_laws": (*PLACE, "item", "x", "value"),
    "pruning": (
        *(*PLACE, "edge", "before", "after", "predicted_before", "predicted_after"),
        *("gain", "low", "high", "predicted_gain", "to_predicted", "to_predicted_low", "to_predicted_high", "seeds"),
    ),
    "pruning_curves": (*CURVE, "before", "after", "gain"),
    "error_parts": (*CURVE, *PARTS, "excess_risk", "three_parts", "four_parts", "to_risk", "four_to_risk"),
}


def tables(records):
    """All tables by name; without records they are empty."""
    made_of = {name: [r for r in records if str(r["made_of"]) == name] for name in ("spectrum", "curve")}
    spectra, curves = _with_largest(made_of["spectrum"]), made_of["curve"]
    rows = {
        "spectrum_distances": distances(spectra),
        "spectrum_histograms": histograms(spectra),
        "spectrum_laws": laws(spectra),
        "pruning": pruning(spectra),
        "pruning_curves": pruning_curves(curves),
        "error_parts": parts(curves),
    }
    own = {name: pd.DataFrame(rows[name], columns=COLUMNS[name]) for name in COLUMNS}
    return {**own, **heavy_tail_tables(records)}


def _with_largest(records):
    """The records with `place`, the columns of `PLACE`."""
    sizes = {}
    for record in records:
        key = str(record["kind"]), str(record["phase"])
        sizes[key] = max(sizes.get(key, 0), int(record["dim"]))
    return [{**record, "place": _place(record, sizes)} for record in records]


def _place(record, sizes):
    kind, phase, dim = str(record["kind"]), str(record["phase"]), int(record["dim"])
    numbers = {name: float(record[name]) for name in ("decay", "ratio", "weight_decay")}
    return {"kind": kind, "phase": phase, "dim": dim, "largest": dim == sizes[kind, phase], **numbers}


def _mean(samples, names=MEASURED):
    """Mean over seeds (axis 0) with its 95 % bootstrap interval; a single seed has none."""
    samples = np.asarray(samples)
    return dict(zip(names, (samples.mean(axis=0), *seed_interval(samples)), strict=True))


def distances(records):
    """Rows of: `distance`, Kolmogorov-Smirnov, of a spectrum to its law; `zeros`, the share of exact zeros, with
    error = measured - predicted; `largest value`, with error relative to the first spike, where the law has one for
    every teacher."""
    names = ("error", "error_low", "error_high")
    for record in records:
        largest, spike = record["spectrum"][:, 0], record["spikes"][:, 0]
        zeros = (record["spectrum"] == 0).mean(axis=1)
        rows = {
            "distance": (record["distance"], np.zeros(len(largest)), record["distance"]),
            "zeros": (zeros, record["zeros"], zeros - record["zeros"]),
            "largest value": (largest, spike, largest / spike - 1),
        }
        for quantity, (value, predicted, error) in rows.items():
            if np.isfinite(error).all():
                numbers = {**_mean(value), "predicted": np.mean(predicted), **_mean(error, names)}
                yield {**record["place"], "quantity": quantity, **numbers, "seeds": len(largest)}


def histograms(records):
    """Rows of: share of all values in a bin over its width; exact zeros are in no bin."""
    for record in records:
        measured = _mean(record["share"] / np.diff(record["bins"]))
        for i, (left, right) in enumerate(pairwise(record["bins"])):
            numbers = {name: column[i] for name, column in measured.items()}
            yield {**record["place"], "left": left, "right": right, **numbers, "seeds": len(record["share"])}


def laws(records):
    """Rows of: `density` of the law at x, without the mass at 0; that mass, `zeros`, at x = 0; `edge` of the learned
    noise, where there is one; and `spike`, each of mass 1 / dim, of the teachers of quadratic networks, all alike.
    Means over teachers."""
    for record in records:
        items = [("density", x, value) for x, value in zip(record["x"], record["density"], strict=True)]
        items.append(("zeros", 0.0, np.mean(record["zeros"])))
        items.append(("edge", np.mean(record["edge"]), np.nan))
        if record["place"]["kind"] == "quadratic":
            items += [("spike", x, 1 / record["place"]["dim"]) for x in record["spikes"][0]]
        for item, x, value in items:
            if x >= 0:
                yield {**record["place"], "item": item, "x": x, "value": value}


def pruning(records):
    """Rows of: mean excess risk before and after pruning, measured and predicted; `gain` = after / before, below 1
    where pruning helps; `to_predicted` = after / predicted after. Both ratios are means over data sets."""
    names = ("to_predicted", "to_predicted_low", "to_predicted_high")
    for record in records:
        before, after = record["excess_risk"], record["pruned_risk"]
        expected, expected_after = record["predicted_risk"], record["predicted_pruned_risk"]
        yield {
            **record["place"],
            **{"edge": np.mean(record["edge"]), "before": np.mean(before), "after": np.mean(after)},
            **{"predicted_before": np.mean(expected), "predicted_after": np.mean(expected_after)},
            **_mean(after / before, ("gain", "low", "high")),
            **{"predicted_gain": np.mean(expected_after / expected), "seeds": len(before)},
            **_mean(after / expected_after, names),
        }


def _along(records, names):
    """(place, mean over teachers of each name) at every weight decay of every curve."""
    for record in records:
        columns = {name: np.mean(record[name], axis=0) for name in names}
        numbers = {name: float(record[name]) for name in ("decay", "ratio")}
        for i, weight_decay in enumerate(record["weight_decay"]):
            place = {"kind": str(record["kind"]), "dim": int(record["dim"]), **numbers, "weight_decay": weight_decay}
            yield place, {name: column[i] for name, column in columns.items()}


def pruning_curves(records):
    """Rows of: predicted excess risk before and after pruning, and their ratio `gain`."""
    for place, risk in _along(records, ("excess_risk", "pruned_risk")):
        before, after = risk["excess_risk"], risk["pruned_risk"]
        yield {**place, "before": before, "after": after, "gain": after / before}


def parts(records):
    """Rows of: parts of the excess risk, their sum without and with the interaction, and both over the risk itself."""
    for place, row in _along(records, (*PARTS, "excess_risk")):
        three = sum(row[name] for name in PARTS[:-1])
        four = three + row["interaction"]
        sums = {"three_parts": three, "four_parts": four}
        ratios = {"to_risk": three / row["excess_risk"], "four_to_risk": four / row["excess_risk"]}
        yield {**place, **row, **sums, **ratios}
