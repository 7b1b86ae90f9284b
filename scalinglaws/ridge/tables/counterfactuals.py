"""Tables of theory under assumptions that a section does not meet, and how far that is from its simulation."""

import numpy as np
import pandas as pd

CURVE_COLUMNS = ("section", "assumption", "width", "n_samples", "quantity", "value")
PLACE = ("feature_capacity", "width", "n_samples", "ridge")
ERROR_COLUMNS = ("section", "assumption", "quantity", "points", "largest_ratio", "theory_ratio", "seeds")


def counterfactual_curves(records):
    """A row per section, assumption, number of samples of the theory grid, and quantity that is not 0 throughout."""
    rows = []
    for record in records:
        # A file does not keep an empty mapping.
        for assumption, curve in record.get("counterfactuals", {}).items():
            place = {"section": str(record["section"]), "assumption": assumption}
            place |= {name: curve[name] for name in ("width", "n_samples")}
            named = ((name, value) for name, value in curve.items() if np.any(value) and name not in PLACE)
            rows += [pd.DataFrame({**place, "quantity": name, "value": value}) for name, value in named]
    return pd.concat(rows, ignore_index=True)[[*CURVE_COLUMNS]] if rows else pd.DataFrame(columns=CURVE_COLUMNS)


def counterfactual_errors(points, curves):
    """How far the judged points are from theory under each assumption, next to how far they are from theory itself.

    points, curves : the tables `points` and `counterfactual_curves`. A ratio is the larger of measured / theory and
    theory / measured; theory on the grid is interpolated in logarithms. Columns: the largest ratio over a section's
    points under the assumption (`largest_ratio`), and without it (`theory_ratio`).
    """
    rows = []
    for (section, assumption, quantity), curve in curves.groupby(["section", "assumption", "quantity"], sort=False):
        chosen = points[(points.section == section) & (points.quantity == quantity) & points.judged.astype(bool)]
        if chosen.empty or (curve.value <= 0).any() or not np.isfinite(curve.value).all():
            continue
        assumed = np.exp(np.interp(np.log(chosen.n_samples), np.log(curve.n_samples), np.log(curve.value)))
        ratios = (_ratio(chosen.value, assumed), _ratio(chosen.value, chosen.theory))
        rows.append((section, assumption, quantity, len(chosen), *ratios, chosen.seeds.iloc[0]))
    return pd.DataFrame(rows, columns=ERROR_COLUMNS)


def _ratio(value, expected):
    return np.exp(np.abs(np.log(np.asarray(value, dtype=float) / np.asarray(expected, dtype=float))).max())
