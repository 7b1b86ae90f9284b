"""State evolution: the excess risk of the regularised network in high dimension, from two scalar equations.

The trained network behaves as thresholding of a noisy teacher: theta^ ~ soft(theta* + delta Z; b) coefficient by
coefficient for the diagonal network, and S^ ~ relu(S* + delta GOE - b), a matrix function, for the quadratic one.
With risk(delta, b) and kept(delta, b) of that estimator (arXiv:2509.24882; the second quadratic equation is derived
here from stationarity, and agrees with simulations), ratio = n_samples / dim or n_samples / dim^2:

    diagonal    ratio delta^2 = noise^2 + risk           weight_decay = b (ratio - kept)
    quadratic   4 ratio delta^2 = noise^2 + risk         weight_decay = b (4 ratio - kept)

For the quadratic network kept = (dJ/d delta) / delta, J the integral of (x - b)^2 over the spectrum of S* + delta GOE
above b, and risk / 2 = <s^2> - J + b dJ/db + delta dJ/d delta (`free_convolution`).

`two_equations` solves them, with oversampling for ratio or 4 ratio: n_samples over their number at the peak.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws.shallow.denoisers import denoiser
from scalinglaws.shallow.two_equations import solve


@dataclass(frozen=True, eq=False)
class StateEvolution:
    """Solution of the equations of state evolution; every field has the problem's shape.

    excess_risk : mean squared error of the prediction without label noise: |theta^ - theta*|^2 / dim for the diagonal,
        2 |S^ - S*|_F^2 / dim for the quadratic network.
    delta : standard deviation of the effective noise on the teacher's coefficients (quadratic: the spectrum of noise
        alone ends at 2 delta).
    threshold : b, by which coefficients or eigenvalues are shrunk.
    kept : share of coefficients or eigenvalues that are not 0.
    train_error : mean squared training residual, (noise^2 + excess_risk) (weight_decay / (ratio b))^2; for a quadratic
        network 4 ratio in place of ratio.
    residual : largest relative violation of the two equations.
    """

    excess_risk: np.ndarray
    delta: np.ndarray
    threshold: np.ndarray
    kept: np.ndarray
    train_error: np.ndarray
    residual: np.ndarray


def state_evolution(problem):
    """`StateEvolution` of a `DiagonalProblem` or `QuadraticProblem`.

    Raises NotConverged, with the last (delta, threshold), where the equations are violated by a relative 1e-10 or more,
    and ValueError for another kind of problem. Cost for each point of the curve: some 15 evaluations of a sum over the
    teacher's coefficients, each of them over some 200 points of a contour for the quadratic network; ten times as many
    where coefficients differ by many orders of magnitude.
    """
    estimator = denoiser(problem)
    names = ("n_samples", "weight_decay", "noise_std")
    curve = np.broadcast_arrays(*(getattr(problem, name) for name in names))
    points = [_point(estimator, *(float(x) for x in point)) for point in zip(*(x.flat for x in curve), strict=True)]
    columns = np.array(points).reshape(*problem.shape, 6)
    return StateEvolution(*np.moveaxis(columns, -1, 0))


def _point(estimator, n_samples, weight_decay, noise_std):
    """One point of the curve: excess_risk, delta, threshold, kept, train_error, residual."""
    oversampling, noise = n_samples / estimator.peak_samples, noise_std**2
    if noise + estimator.signal == 0:
        raise ValueError(f"noise_std = {noise_std} must be > 0 where the teacher is 0: there is nothing to learn")
    delta, b, risk, _, share, residual = solve(estimator, oversampling, noise, weight_decay)
    train_error = (noise + risk) * (weight_decay / (oversampling * b)) ** 2
    return risk, delta, b, share, train_error, residual
