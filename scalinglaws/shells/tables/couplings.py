"""Tables of the couplings experiment: log-shift index and locality against the null, the conditions, rescaling."""

import numpy as np
import pandas as pd

from scalinglaws.shells.tables.common import group_by, log_mean_with_interval, mean_with_interval

ARCHITECTURES = {False: "plain", True: "residual"}
PLACE = ("dataset", "architecture", "depth", "width")
INTERVAL = ("value", "low", "high", "seeds")
SHIFT = ("index", "null_index", "null_spread", "tilt", "n_shells")
# How pairs of shells are counted in a share of transfers, and the names of the shares in a record.
COUNTED = {"pairs": "", "edges": "boundary_"}

COLUMNS = {
    "log_shift": (*PLACE, "shell_ratio", "time", "moment", *SHIFT, "loss", *INTERVAL),
    "log_shift_change": (*PLACE, "shell_ratio", *INTERVAL),
    "log_shift_pooled": ("dataset", "architecture", "shell_ratio", "quantity", "networks", *INTERVAL),
    "locality": (*PLACE, "shell_ratio", "time", "moment", "counted", "distance", "null", "excess", *INTERVAL),
    "coherence": (*PLACE, "kind", "distance", *INTERVAL),
    "jacobian_growth": (*PLACE, "time", "quantity", *INTERVAL),
    "depth_scaling": ("dataset", "architecture", "width", "quantity", "shallow", "deep", *INTERVAL),
    "rescaling": (*PLACE, "seed", "time_scale", "quantity", "value"),
}


def tables(records):
    """All tables by name; without records they are empty."""
    measured = [record for record in records if str(record["part"]) == "architecture"]
    tested = [record for record in records if str(record["part"]) == "rescaling"]
    rows = {
        "log_shift": log_shift(measured),
        "log_shift_change": log_shift_change(measured),
        "log_shift_pooled": log_shift_pooled(measured),
        "locality": locality(measured),
        "coherence": coherence(measured),
        "jacobian_growth": jacobian_growth(measured),
        "depth_scaling": depth_scaling(measured),
        "rescaling": rescaling(tested),
    }
    return {name: pd.DataFrame(rows[name], columns=COLUMNS[name]) for name in COLUMNS}


def log_shift(records):
    """Rows of: index over null index (geometric mean over seeds, interval), per shell ratio and time.

    null_spread is the standard deviation of one draw of the null over its mean: how far from 1 the value may be by
    chance. index, null_index, tilt, n_shells and loss are means over seeds.
    """
    for place, group in _places(records):
        ratio = log_mean_with_interval(_relative_index(group))
        others = {name: _stacked(group, name).mean(0) for name in ("index", "null_index", "tilt", "n_shells")}
        others["null_spread"] = _stacked(group, "null_std").mean(0) / others["null_index"]
        losses = _stacked(group, "loss").mean(0)
        for t, q in np.ndindex(others["index"].shape):
            numbers = {name: column[t, q] for name, column in {**others, **ratio}.items()}
            yield {**place, **_when(group[0], t, q), "loss": losses[t], **numbers}


def log_shift_change(records):
    """Rows of: index over null index at the end, divided by that at the start: above 1 the net leaves invariance."""
    for place, group in _places(records):
        relative = _relative_index(group)
        change = log_mean_with_interval(relative[:, -1] / relative[:, 0])
        for q, shell_ratio in enumerate(group[0]["shell_ratio"]):
            yield {**place, "shell_ratio": shell_ratio, **{name: column[q] for name, column in change.items()}}


def log_shift_pooled(records):
    """Rows of: the same relative index at the start, at the end, and their ratio ('change'), for all sizes together.

    Geometric mean over depths and widths of each seed, then over seeds: sizes share their seed's data, so that only
    seeds count as independent, and only those that have every size. networks is the number of sizes.
    """
    for (dataset, residual), group in group_by(records, "dataset", "residual"):
        sizes = len(group_by(group, "depth", "width"))
        complete = [of_seed for _, of_seed in group_by(group, "seed") if len(of_seed) == sizes]
        if not complete:
            continue
        logs = np.array([np.log(_relative_index(of_seed)).mean(0) for of_seed in complete])
        start, end = logs[:, 0], logs[:, -1]
        for quantity, values in {"start": start, "end": end, "change": end - start}.items():
            columns = log_mean_with_interval(np.exp(values))
            place = {"dataset": dataset, "architecture": ARCHITECTURES[residual], "quantity": quantity}
            for q, shell_ratio in enumerate(group[0]["shell_ratio"]):
                numbers = {name: column[q] for name, column in columns.items()}
                yield {**place, "shell_ratio": shell_ratio, "networks": sizes, "seeds": len(complete), **numbers}


def locality(records):
    """Rows of: share of |T_ab| within a distance in shells (mean over seeds, interval), and what the null's would be.

    excess is the share less the null's. counted: 'pairs' counts a pair of shells once, 'edges' once for every edge
    between the two, as the flux through edges does.
    """
    for place, group in _places(records):
        for counted, prefix in COUNTED.items():
            within = np.cumsum(_stacked(group, f"{prefix}share"), axis=-1)
            null = np.cumsum(_stacked(group, f"{prefix}null_share"), axis=-1).mean(0)
            columns = {**mean_with_interval(within), "null": null, "excess": within.mean(0) - null}
            for t, q, d in np.ndindex(null.shape):
                numbers = {name: column[t, q, d] for name, column in columns.items()}
                yield {**place, **_when(group[0], t, q), "counted": counted, "distance": d + 1, **numbers}


def coherence(records):
    """Rows of: coherence of two layers' kernels at the start, by kind and distance between the layers (1 and up)."""
    for place, group in _places(records):
        for kind in sorted(group[0]["coherence"]):
            columns = mean_with_interval([record["coherence"][kind] for record in group])
            for distance in range(1, len(columns["value"])):
                numbers = {name: column[distance] for name, column in columns.items()}
                yield {**place, "kind": kind, "distance": distance, **numbers}


def jacobian_growth(records):
    """Rows of: growth of ||J|| up to each time after the start, and length of M's path (geometric means, intervals)."""
    for place, group in _places(records):
        for quantity in ("jacobian_growth", "kernel_path"):
            columns = log_mean_with_interval(_stacked(group, quantity)[:, 1:])
            for t, time in enumerate(group[0]["time"][1:]):
                numbers = {name: column[t] for name, column in columns.items()}
                yield {**place, "time": time, "quantity": quantity, **numbers}


def depth_scaling(records):
    """Rows of: a quantity in the deepest nets over that in the shallowest of the same seed; 1 is independent of depth.

    log_jacobian_growth is the logarithm of ||J||'s largest growth: it doubles with the depth where layers compound.
    coherent_layers (raw, excess) doubles, nearly, where all layers are coherent. Seeds that lack a depth do not count,
    nor for the growth those whose shallow network does not grow at all.
    """
    for (dataset, residual, width), group in group_by(records, "dataset", "residual", "width"):
        by_depth = {depth: dict(_by_seed(of_depth)) for (depth,), of_depth in group_by(group, "depth")}
        shallow, deep = min(by_depth), max(by_depth)
        seeds = sorted(set(by_depth[shallow]) & set(by_depth[deep]))
        if shallow == deep or not seeds:
            continue
        place = {"dataset": dataset, "architecture": ARCHITECTURES[residual], "width": width}
        low, high = (pd.DataFrame([_depth_row(by_depth[depth][seed]) for seed in seeds]) for depth in (shallow, deep))
        for quantity in low:
            ratios = (high / low)[quantity][low[quantity] > 0]
            if len(ratios):
                columns = {**mean_with_interval(ratios.to_numpy()), "seeds": len(ratios)}
                yield {**place, "quantity": quantity, "shallow": shallow, "deep": deep, **columns}


def _by_seed(records):
    return ((seed, record) for (seed,), (record,) in group_by(records, "seed"))


def _depth_row(record):
    layers = {f"coherent_layers_{kind}": float(value) for kind, value in sorted(record["coherent_layers"].items())}
    return {"log_jacobian_growth": np.log(record["jacobian_growth"][-1]), **layers}


def rescaling(records):
    """Rows of: largest relative difference of a quantity between a run and the same run in another unit of time."""
    for place, group in _places(records):
        del place["seeds"]
        for record in group:
            for quantity in sorted(record["gap"]):
                for time_scale, value in zip(record["time_scale"], record["gap"][quantity], strict=True):
                    row = {"seed": int(record["seed"]), "time_scale": time_scale, "quantity": quantity}
                    yield {**place, **row, "value": value}


def _places(records):
    """(columns that name a group of seeds, its records) for each data set, architecture, depth and width."""
    for (dataset, residual, depth, width), group in group_by(records, "dataset", "residual", "depth", "width"):
        architecture = ARCHITECTURES[residual]
        place = {"dataset": dataset, "architecture": architecture, "depth": depth, "width": width}
        yield {**place, "seeds": len(group)}, group


def _when(record, t, q):
    """Columns that say at which time, and in shells of which ratio; moment is 'start', 'middle' or 'end'."""
    last = len(record["time"]) - 1
    moment = "start" if t == 0 else "end" if t == last else "middle"
    return {"shell_ratio": record["shell_ratio"][q], "time": record["time"][t], "moment": moment}


def _stacked(group, name):
    return np.array([record[name] for record in group])


def _relative_index(group):
    return _stacked(group, "index") / _stacked(group, "null_index")
