r"""What the excess risk is made of: noise that was learned, strengths that were not, errors of those that were.

The universal decomposition of arXiv:2509.24882 (section on the risk and the spectrum) has three parts. Per value, and
halved for the quadratic network (R = 2 |S^ - S*|_F^2 / dim), with delta and b of state evolution:

- overfitting: the risk of a teacher 0, delta^2 null_risk(b / delta): noise above the threshold;
- unlearned: s^2 of each strength whose outlier is not above both the noise and b;
- learned: the error of each outlier l. Quadratic: l = s + delta^2 / s, overlap q = 1 - delta^2 / s^2 with the
  teacher's eigenvector, learned value m = l - b, so that m^2 + s^2 - 2 m s q = (b - delta^2 / s)^2 + 2 (delta^2 / s) m.
  The factor 2 of the second term is both sides of the matrix, row and column of a learned eigenvector. Diagonal:
  b^2 + delta^2, in place of the overfitting of that coefficient.

A fourth part, interaction, is what a strength s changes in the bulk. It vanishes for b > 2 delta. For the diagonal
network it is what is left of the exact sum over coefficients. For the quadratic one it is exact for few strengths,
and derived here: to first order in 1 / dim a strength s adds e(s) to the risk of the null teacher,

    e(s) = s^2 + Im F(w_b) / pi,   F' = s (z - b) / (w - s) * (-1 - b / w + 3 delta^2 / w^2),   z = w + delta^2 / w,

F real on the real axis right of s, w_b the preimage of b, delta e^(i angle) with b = 2 delta cos(angle) in the bulk.
It is the contour integral of (z - b)^2 d log(1 - s / w) - 2 s (z - b) / (w - s) dz, the first for the eigenvalues that
s moves, the second for the overlaps with its eigenvector. The interaction is e(s) less the strength's share of the
other parts. What is then missing is of second order, strengths that share rows and columns.
"""

from dataclasses import dataclass, fields

import numpy as np

from scalinglaws.shallow import semicircle, soft_threshold
from scalinglaws.shallow.spectra import QuadraticLaw

# Strengths below this many delta are taken to err as their square, to a relative 1e-3: F cancels as t^2.
QUADRATIC_BELOW = 1e-3


@dataclass(frozen=True)
class ErrorParts:
    """Parts of the excess risk, in its units, and the `excess_risk` of state evolution itself."""

    overfitting: float
    unlearned: float
    learned: float
    interaction: float
    excess_risk: float

    @property
    def three_parts(self):
        """Overfitting + unlearned + learned."""
        return self.overfitting + self.unlearned + self.learned

    @property
    def four_parts(self):
        """The same with the interaction: exact for the diagonal network."""
        return self.three_parts + self.interaction


def error_parts(law):
    """`ErrorParts` of a `LearnedLaw`."""
    scale, terms = (2.0, _quadratic_terms) if isinstance(law, QuadraticLaw) else (1.0, _diagonal_terms)
    parts = {name: float(scale * value) for name, value in terms(law).items()}
    return ErrorParts(**parts, excess_risk=law.risk(law.threshold))


def names():
    """Names of the parts, in the order of `ErrorParts`."""
    return tuple(field.name for field in fields(ErrorParts))[:-1]


def _is_learned(law):
    # Comparisons with the NaN of what stays in the noise are False.
    return law.outliers() > law.threshold


def _quadratic_terms(law):
    learned, noise = _is_learned(law), law.delta**2 * semicircle.null_risk(law.threshold / law.delta)
    strong, shares, b = law.strengths[learned], law.shares, law.threshold
    shift = law.delta**2 / strong
    errors = (b - shift) ** 2 + 2 * shift * (strong + shift - b)
    unlearned = shares[~learned] @ law.strengths[~learned] ** 2
    added = shares @ strength_error(law.strengths, law.delta, b)
    terms = {"overfitting": noise, "unlearned": unlearned, "learned": shares[learned] @ errors}
    return {**terms, "interaction": added - terms["unlearned"] - terms["learned"]}


def _diagonal_terms(law):
    learned, shares, b = _is_learned(law), law.shares, law.threshold
    terms = {
        "overfitting": shares[~learned].sum() * law.delta**2 * soft_threshold.null_risk(b / law.delta),
        "unlearned": shares[~learned] @ law.strengths[~learned] ** 2,
        "learned": shares[learned].sum() * (law.delta**2 + b**2),
    }
    return {**terms, "interaction": law.risk(b) - sum(terms.values())}


def strength_error(strengths, delta, b):
    """e(s), what one strength s >= 0 of a quadratic network's teacher adds to dim R / 2; shape of `strengths`.

    delta > 0 and b > -2 delta; inputs are not checked. In partial fractions of 1 / (w^k (w - s)), F is a sum of
    logarithms and powers; below, of x = w / delta at t = s / delta.
    """
    t, c = np.asarray(strengths, dtype=np.float64) / delta, b / delta
    x, safe = _preimage(c), np.maximum(t, QUADRATIC_BELOW)
    # F' / delta^2 = -t - t^2 / (x - t) + t sum_k above_k / (x^k (x - t)), multiplied out.
    above = {1: 2 + c**2, 2: -4 * c, 3: 3.0}
    residue = -(safe**2) + sum(factor * safe ** (1 - k) for k, factor in above.items())
    # At x = t the outlier is at the threshold, and the residue is 0.
    F = -safe * x + residue * np.log(np.where(x == safe, 1.0, x - safe))
    for k, factor in above.items():
        F = F - factor * sum(safe ** (power - k) * _primitive(x, power) for power in range(1, k + 1))
    return (delta * t / safe) ** 2 * (safe**2 + F.imag / np.pi)


def _primitive(x, power):
    """Of x^-power."""
    return np.log(x) if power == 1 else x ** (1 - power) / (1 - power)


def _preimage(c):
    """x with x + 1/x = c: on the unit circle for |c| <= 2, else the real root above 1."""
    return (c + np.sqrt(complex(c**2 - 4))) / 2
