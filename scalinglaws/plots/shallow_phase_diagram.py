"""Phase diagram of diagonal and quadratic networks: local exponents of the excess risk, and predicted boundaries."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("shallow_phase_map", "shallow_phase_boundaries", "phase_map_agreement")
# The exponent's column, what it is, and the ends of the colour scale.
EXPONENTS = {
    "slope_n_eff": ("$d\\,\\ln R / d\\,\\ln n_\\mathrm{eff}$", (-2.0, 0.5)),
    "slope_weight_decay": ("$d\\,\\ln R / d\\,\\ln \\lambda$", (-1.0, 2.0)),
}
SAMPLES = {"diagonal": "$n_\\mathrm{eff} = n$", "quadratic": "$n_\\mathrm{eff} = n/d$"}
# A white line under the dashed one, which else would be lost on dark cells.
UNDER = {"color": "white", "linewidth": 2.4, "alpha": 0.8}
NAMED = {"fontsize": 7, "ha": "center", "va": "center", "bbox": {"facecolor": "white", "alpha": 0.75, "linewidth": 0}}
# Share of the diagram's width that half a letter of a name takes: so far in from its sides names are kept.
HALF_LETTER = 0.011


@style.styled
def draw(shallow_phase_map, shallow_phase_boundaries, phase_map_agreement):
    """A row per network, a column per exponent; predicted boundaries dashed, phases named where they are deepest."""
    kinds = list(dict.fromkeys(shallow_phase_map.kind))
    title = f"Phases of the excess risk $R$: {_verdict(phase_map_agreement)}"
    figure, axes = style.panels(len(kinds), 2, title, panel=(4.2, 3.2), sharex=True, sharey="row")
    for row, kind in zip(axes, kinds, strict=True):
        cells, lines = (table[table.kind == kind] for table in (shallow_phase_map, shallow_phase_boundaries))
        for ax, (column, (label, scale)) in zip(row, EXPONENTS.items(), strict=True):
            mesh = _mesh(ax, cells, column, scale)
            figure.colorbar(mesh, ax=ax, label=label, extend="both")
            _lines(ax, cells, lines)
        _names(row[0], cells)
        row[0].set_title(f"{kind} network, {SAMPLES[kind]}, {_teacher(cells)}", fontsize=9, loc="left")
        row[0].set_ylabel("weight decay $\\lambda$")
    for ax in axes[-1]:
        ax.set_xlabel("effective samples $n_\\mathrm{eff}$")
    return figure


def _verdict(agreement):
    rows = agreement[agreement.phase == "all"]
    if rows.empty or not rows.cells.sum():
        return "local exponents, and predicted boundaries (dashed)"
    row = rows.iloc[0]
    shares = ", ".join(f"{100 * row.share:.3g}% ({row.kind})" for row in rows.itertuples())
    return f"away from boundaries {shares} of cells have both exponents within {row.tolerance:g} of the predicted ones"


def _teacher(cells):
    first = cells.iloc[0]
    power = np.log10(first.dim)
    dim = f"10^{{{power:.0f}}}" if power == round(power) and power > 3 else f"{first.dim:g}"
    return f"$d = {dim}$, decay {first.decay:g}"


def _mesh(ax, cells, column, scale):
    grid = cells.pivot(index="weight_decay", columns="n_eff", values=column)
    x, y = grid.columns.to_numpy(dtype=float), grid.index.to_numpy(dtype=float)
    x, y = _edges(x), _edges(y)
    ax.set(xscale="log", yscale="log", xlim=x[[0, -1]], ylim=y[[0, -1]])
    return ax.pcolormesh(x, y, grid.to_numpy(), cmap="viridis", rasterized=True, vmin=scale[0], vmax=scale[1])


def _edges(centres):
    """Edges of the cells of an evenly spaced logarithmic axis."""
    half = np.sqrt(centres[1] / centres[0])
    return np.append(centres / half, centres[-1] * half)


def _lines(ax, cells, lines):
    for _, line in lines.groupby("boundary", sort=False):
        for look in (UNDER, style.PREDICTED):
            ax.plot(line.n_eff, line.weight_decay, **look)


def _names(ax, cells):
    """Each phase's name in the middle of its deep cells, or of all its cells where none is deep."""
    low, high = np.log10(ax.get_xlim())
    for phase, chosen in cells[cells.phase != "crossover"].groupby("phase", sort=True):
        chosen = chosen[chosen.deep] if chosen.deep.any() else chosen
        column = chosen.n_eff.sort_values().iloc[len(chosen) // 2]
        levels = chosen.weight_decay[chosen.n_eff == column].sort_values()
        room = (high - low) * HALF_LETTER * (len(phase) + 2)
        place = 10 ** np.clip(np.log10(column), low + room, high - room), levels.iloc[len(levels) // 2]
        ax.text(*place, phase, **NAMED)
