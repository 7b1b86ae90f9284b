"""Tables of the initialisation: interpolators against scale, rates in both limits, and what balance does to the end.

Values are means over seeds, but geometric means of the distances to the l1 and l2 interpolators, which fall as powers
of the scale with an exponent of each seed's own. Distances are relative to the norm of what they are measured from.
"""

import numpy as np
import pandas as pd

from scalinglaws.fits import power_law, seed_interval

INTERVAL = ("value", "low", "high", "seeds")
COLUMNS = {
    "kernel_rich": ("scale", "source", "quantity", *INTERVAL),
    "kernel_rich_flow": ("scale", "steps", *INTERVAL),
    "kernel_rich_rates": ("limit", "predicted", "fitted", "window_low", "window_high", *INTERVAL),
    "kernel_rich_samples": ("scale", "source", *INTERVAL),
    "balanced_trap": ("method", "start", "imbalance", "weight_decay", "quantity", *INTERVAL),
    "balanced_decay": ("start", "imbalance", "weight_decay", "quantity", "time", "predicted", *INTERVAL),
}
QUANTITIES = ("excess_risk", "l1_excess", "l1_distance", "l2_distance")
ENDS = ("distance", "objective_gap", "share_wrong")
OF_FLOW = ("share_locked", "orthant_distance", "orthant_gap", "decay_rate", "decay_error")


def tables(records, *, recovered=0.01):
    """All tables by name; without records they are empty. recovered: largest excess risk that counts as recovery."""
    interpolation = [record for record in records if str(record["study"]) == "interpolation"]
    balance = _by_weight_decay([record for record in records if str(record["study"]) == "balance"])
    rows = {
        "kernel_rich": _curves(interpolation),
        "kernel_rich_flow": _flow(interpolation),
        "kernel_rich_rates": _rates(interpolation),
        "kernel_rich_samples": _samples(interpolation, recovered),
        "balanced_trap": _ends(balance),
        "balanced_decay": _courses(balance),
    }
    return {name: pd.DataFrame(list(rows[name]), columns=COLUMNS[name]) for name in COLUMNS}


def _by_weight_decay(records):
    decays = sorted({float(record["weight_decay"]) for record in records})
    return {decay: [record for record in records if float(record["weight_decay"]) == decay] for decay in decays}


def _mean(samples):
    """Mean over seeds with its 95 % bootstrap interval; a single seed has none."""
    samples = np.asarray(samples, dtype=float)
    low, high = seed_interval(samples)
    return {"value": samples.mean(), "low": float(low), "high": float(high), "seeds": len(samples)}


def _geometric_mean(samples):
    """The same in the logarithm, for positive samples."""
    mean = _mean(np.log(samples))
    return {**{name: float(np.exp(mean[name])) for name in ("value", "low", "high")}, "seeds": mean["seeds"]}


def _curves(records):
    """Rows of: every quantity of every interpolator, but its distance to itself, and its excess over itself.

    scale is NaN for the minimisers of norms, which have none.
    """
    for source in ("potential", "flow", "l1", "l2") if records else ():
        scales = records[0].get({"potential": "scale", "flow": "flow_scale"}.get(source), [np.nan])
        for quantity in (name for name in QUANTITIES if not name.startswith(source)):
            mean = _geometric_mean if quantity.endswith("distance") else _mean
            values = np.array([np.atleast_1d(record[source][quantity]) for record in records])
            for scale, column in zip(scales, values.T, strict=True):
                yield {"scale": scale, "source": source, "quantity": quantity, **mean(column)}


def _flow(records):
    """Rows of: distance of the end of gradient flow to the minimiser of the potential; steps: most of any seed."""
    for index, scale in enumerate(records[0]["flow_scale"] if records else ()):
        steps = max(int(record["flow_steps"][index]) for record in records)
        yield {"scale": scale, "steps": steps, **_mean([record["flow_distance"][index] for record in records])}


def _rates(records):
    """Rows of: fitted minus predicted exponent of the distance to a limit, in the decade of scales next to it.

    rich: distance to the minimum l1 interpolator, of exponent 2 (1 - m) (`implicit_bias.rich_exponent`), different for
    every seed. kernel: distance to the minimum l2 interpolator, of exponent -4, since asinh(z/2) = z/2 - z^3/48.
    """
    for limit, quantity in (("rich", "l1_distance"), ("kernel", "l2_distance")) if records else ():
        scale = records[0]["scale"]
        # Rounding of decades at the window's ends.
        window = (scale[0], scale[0] * 10.001) if limit == "rich" else (scale[-1] / 10.001, scale[-1])
        fitted = np.array([power_law(scale, r["potential"][quantity], window=window).exponent for r in records])
        predicted = np.array([float(record["rich_exponent"]) if limit == "rich" else -4.0 for record in records])
        ends = {"window_low": window[0], "window_high": window[1]}
        means = {"predicted": predicted.mean(), "fitted": fitted.mean()}
        yield {"limit": limit, **means, **ends, **_mean(fitted - predicted)}


def _samples(records, recovered):
    """Rows of: smallest number of samples, of those tried, from which on the excess risk is at most `recovered`.

    Counts as one more than the most tried where the risk of these is larger still.
    """
    if not records:
        return
    sizes = np.append(records[0]["recovery_samples"], records[0]["recovery_samples"][-1] + 1)
    first = {name: [_first(r[name], recovered) for r in records] for name in ("recovery_risk", "recovery_l1_risk")}
    for scale, column in zip(records[0]["recovery_scale"], np.array(first["recovery_risk"]).T, strict=True):
        yield {"scale": scale, "source": "potential", **_mean(sizes[column])}
    yield {"scale": np.nan, "source": "l1", **_mean(sizes[np.array(first["recovery_l1_risk"])])}


def _first(risks, recovered):
    """Place along axis 0 after the last risk above `recovered`."""
    above = np.asarray(risks) > recovered
    return np.where(above.any(axis=0), len(above) - above[::-1].argmax(axis=0), 0)


def _ends(balance):
    """Rows of: where training ends.

    distance, objective_gap : to the LASSO, relative.
    share_wrong : of the LASSO's coefficients, without its sign; share_locked : of those that start with the wrong sign,
        how many end with it.
    orthant_distance : of the LASSO in the orthant of the start's signs to the LASSO; orthant_gap : excess of the
        objective over the former's.
    decay_rate : of the imbalance, over 2 weight_decay; decay_error : largest difference of ln(imbalance) from the law,
        over coefficients and times.
    """
    for weight_decay, records in balance.items():
        for index, start in enumerate(records[0]["start"]):
            place = {"start": str(start), "imbalance": records[0]["imbalance"][index], "weight_decay": weight_decay}
            last = {name: [np.ravel(r[name][index])[-1] for r in records] for name in (*ENDS, *OF_FLOW)}
            yield from _quantities({"method": "flow", **place}, last)
            trained = [r["trained"][str(start)] for r in records if str(start) in r["trained"]]
            if trained:
                yield from _quantities({"method": "L-BFGS", **place}, {n: [t[n] for t in trained] for n in ENDS})


def _quantities(place, samples):
    """A row for each quantity, over the seeds where it is defined: rates of an imbalance of 0 never are."""
    for name, values in samples.items():
        defined = [value for value in values if not np.isnan(value)]
        if defined:
            yield {**place, "quantity": name, **_mean(defined)}


def _courses(balance):
    """Rows of: distance to the LASSO and what is left of the imbalance, in units of time of 1 / weight_decay.

    predicted : e^(-2 time) of the imbalance; of the distance, where a start that kept its signs would end.
    """
    for weight_decay, records in balance.items():
        for index, start in enumerate(records[0]["start"]):
            place = {"start": str(start), "imbalance": records[0]["imbalance"][index], "weight_decay": weight_decay}
            locked = np.mean([record["orthant_distance"][index] for record in records])
            for i, time in enumerate(records[0]["time"]):
                laws = {"distance": locked, "imbalance_left": np.exp(-2 * time)}
                for quantity, predicted in laws.items():
                    samples = {quantity: [record[quantity][index, i] for record in records]}
                    yield from _quantities({**place, "time": time, "predicted": predicted}, samples)
