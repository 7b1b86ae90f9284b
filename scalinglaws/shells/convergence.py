"""How fast discretisations of the exact equations converge: the test that the physics, not only the books, is right.

All errors are measured on one finely resolved trajectory (classical Runge-Kutta) and read off at strides of its grid,
so that every step size sees the same flow at the same moments. Steps are in units of the fastest mode's time at start.
"""

import numpy as np

from scalinglaws import checks
from scalinglaws.networks import exponential_midpoint_step, fixed_steps, kernel_velocity, runge_kutta_step
from scalinglaws.shells.budget import budgets, energies, rates
from scalinglaws.shells.modes import align, of_snapshot, rotation_rates
from scalinglaws.shells.orders import EXPECTED_ORDERS
from scalinglaws.shells.partition import SplineShells, geometric_edges

# Runge-Kutta substeps per grid interval of the reference: its own error is then far below every measured one.
SUBSTEPS = 2


def measure_orders(flow, parameters, steps, n_centres, shell_ratio):
    """Errors of each discretisation in `EXPECTED_ORDERS` at each step size: dict of arrays shaped like `steps`.

    steps: decreasing, each a whole multiple of the last, in units of 1/lam_max(0); errors are relative.
    """
    steps = checks.positive_array("steps", steps, ndim=1, minimum_size=2)
    strides = _strides(steps)
    _check_span(steps, strides, n_centres)
    reference, rate_list = _reference(flow, parameters, steps, strides, n_centres)
    unit = reference[0].eigenvalues.max()
    errors = {name: [] for name in EXPECTED_ORDERS}
    for step, stride in zip(steps / unit, strides, strict=True):
        measured = {
            **_ode_errors(reference, stride, step, _centres(strides, n_centres)),
            "mode central": _mode_error(reference, rate_list, stride, step, _centres(strides, n_centres)),
            **_shell_errors(reference, rate_list, stride, step, shell_ratio),
            "exponential midpoint": _integrator_error(flow, parameters, reference, stride, step),
        }
        for name, error in measured.items():
            errors[name].append(error)
    return {name: np.array(values) for name, values in errors.items()}


def _strides(steps):
    """Whole multiples of the smallest step; ValueError otherwise."""
    ratios = steps / steps.min()
    if (np.abs(ratios - np.round(ratios)) > 1e-9).any():
        raise ValueError(f"steps = {steps.tolist()} must all be whole multiples of the smallest, {steps.min()}")
    return np.round(ratios).astype(int)


def _check_span(steps, strides, n_centres):
    """ValueError unless every step divides the span, and the finest grid has the even intervals of Simpson's rule."""
    n_intervals = strides.max() * (n_centres + 1)
    if n_intervals % 2 or (n_intervals % strides).any():
        raise ValueError(
            f"steps = {steps.tolist()} must divide the span of {n_intervals} smallest steps, an even number"
        )


def _centres(strides, n_centres):
    """Grid points at which every step size fits on both sides."""
    return strides.max() * np.arange(1, n_centres + 1)


def _reference(flow, parameters, steps, strides, n_centres):
    """Modes and kernel rates on the grid of the smallest step, over n_centres + 1 of the largest steps."""
    start = next(fixed_steps(flow, parameters, 1.0, 0, runge_kutta_step))
    spacing = steps.min() / float(start.eigenvalues.max())
    n_intervals = strides.max() * (n_centres + 1)
    fine = fixed_steps(flow, parameters, spacing / SUBSTEPS, SUBSTEPS * n_intervals, runge_kutta_step)
    kept = [snapshot for index, snapshot in enumerate(fine) if index % SUBSTEPS == 0]
    rate_list = [kernel_velocity(flow, snapshot).detach().cpu().numpy() for snapshot in kept]
    return [of_snapshot(snapshot) for snapshot in kept], rate_list


def _drive(modes):
    """M e."""
    return modes.eigenvectors @ (modes.eigenvalues * modes.coefficients)


def _worst(errors, scales):
    return max(np.linalg.norm(e) / np.linalg.norm(s) for e, s in zip(errors, scales, strict=True))


def _ode_errors(reference, stride, step, centres):
    """Residuals of e' = -M e relative to M e: one-sided and central differences, and Simpson's rule over two steps."""
    before, here, after = ([reference[c + shift] for c in centres] for shift in (-stride, 0, stride))
    drives = [_drive(modes) for modes in here]
    one_sided, central, simpson = [], [], []
    for b, h, a, drive in zip(before, here, after, drives, strict=True):
        one_sided.append((a.residual - h.residual) / step + drive)
        central.append((a.residual - b.residual) / (2 * step) + drive)
        simpson.append((a.residual - b.residual) / (2 * step) + (_drive(b) + 4 * drive + _drive(a)) / 6)
    measured = {"ode one-sided": one_sided, "ode central": central, "ode Simpson": simpson}
    return {name: _worst(errors, drives) for name, errors in measured.items()}


def _mode_error(reference, rate_list, stride, step, centres):
    """Residual of g_u' = -lambda_u g_u + sum_v Omega_uv g_v by central differences of aligned modes."""
    errors, scales = [], []
    for centre in centres:
        here = reference[centre]
        ends = [align(here, reference[centre + shift]).coefficients for shift in (-stride, stride)]
        predicted = -here.eigenvalues * here.coefficients + rotation_rates(here, rate_list[centre]) @ here.coefficients
        errors.append((ends[1] - ends[0]) / (2 * step) - predicted)
        scales.append(predicted)
    return _worst(errors, scales)


def _shell_errors(reference, rate_list, stride, step, shell_ratio):
    """Smooth shells over the whole span: energy change against the trapezoid of its rates, and the discrete budget's
    dissipation against its integral (Simpson on the finest grid)."""
    top = reference[0].eigenvalues.max()
    shells = SplineShells(geometric_edges(1e-6 * top, 1e3 * top, shell_ratio, anchor=top))
    all_rates = [rates(modes, rate, shells) for modes, rate in zip(reference, rate_list, strict=True)]
    coarse = slice(None, None, stride)
    predicted = np.trapezoid([r.total for r in all_rates[coarse]], dx=step, axis=0)
    change = energies(reference[-1], shells) - energies(reference[0], shells)
    exact = _simpson([r.dissipation for r in all_rates], step / stride)
    booked = sum(_dissipation(b, a, shells) for b, a in zip(reference[coarse], reference[stride::stride], strict=False))
    return {
        "shell rates trapezoid": _worst([predicted - change], [change]),
        "shell dissipation": _worst([booked - exact], [exact]),
    }


def _dissipation(before, after, shells):
    return budgets(before, after, [shells])[0].dissipation


def _simpson(values, spacing):
    """Composite Simpson's rule over an even number of intervals."""
    values = np.array(values)
    return spacing / 3 * (values[0] + 4 * values[1:-1:2].sum(0) + 2 * values[2:-1:2].sum(0) + values[-1])


def _integrator_error(flow, parameters, reference, stride, step):
    """Exponential midpoint against the reference at the end of the span."""
    n_steps = (len(reference) - 1) // stride
    *_, last = fixed_steps(flow, parameters, step, n_steps, exponential_midpoint_step)
    final = of_snapshot(last).residual
    return _worst([final - reference[-1].residual], [reference[-1].residual])
