"""Checks at the library's border: one line that names the argument, its value and what is allowed."""

import math

import numpy as np


def integer(name, value, *, minimum):
    """Return `value` as int; ValueError unless it is a whole number >= `minimum`."""
    if isinstance(value, bool) or not float(value).is_integer() or value < minimum:
        raise ValueError(f"{name} = {value!r} must be an integer >= {minimum}")
    return int(value)


def positive(name, value):
    """Return `value` as float; ValueError unless it is finite and > 0."""
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} = {value!r} must be finite and > 0")
    return float(value)


def at_least(name, value, minimum):
    """Return `value` as float; ValueError unless it is finite and >= `minimum`."""
    if not math.isfinite(value) or value < minimum:
        raise ValueError(f"{name} = {value!r} must be finite and >= {minimum}")
    return float(value)


def between(name, value, low, high):
    """Return `value` as float; ValueError unless low < value < high."""
    if not low < value < high:
        raise ValueError(f"{name} = {value!r} must lie strictly between {low} and {high}")
    return float(value)


def one_of(name, value, allowed):
    """Return `value`; ValueError unless it is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name} = {value!r} must be one of {', '.join(map(repr, allowed))}")
    return value


def array(name, value, *, ndim=None, minimum_size=1):
    """Return `value` as a float64 array; ValueError on wrong rank, too few entries, NaN or inf."""
    result = np.asarray(value, dtype=np.float64)
    if ndim is not None and result.ndim != ndim:
        raise ValueError(f"{name} has shape {result.shape} and must have {ndim} dimension(s)")
    if result.size < minimum_size:
        raise ValueError(f"{name} has {result.size} entries and must have at least {minimum_size}")
    if not np.isfinite(result).all():
        raise ValueError(f"{_first(name, result, ~np.isfinite(result))} must be finite")
    return result


def positive_array(name, value, **options):
    """Return `value` as a float64 array; ValueError unless every entry is finite and > 0."""
    result = array(name, value, **options)
    if (result <= 0).any():
        raise ValueError(f"{_first(name, result, result <= 0)} must be > 0")
    return result


def non_negative_array(name, value, **options):
    """Return `value` as a float64 array; ValueError unless every entry is finite and >= 0."""
    result = array(name, value, **options)
    if (result < 0).any():
        raise ValueError(f"{_first(name, result, result < 0)} must be >= 0")
    return result


def as_many(name, value, of, other):
    """Return the array `value`; ValueError unless its shape is that of `other`, the argument called `of`."""
    if value.shape != other.shape:
        raise ValueError(f"{name} has {value.size} entries and must have as many as {of}, {other.size}")
    return value


def squarable(name, value):
    """Return the array `value`; ValueError where its largest entry is not 0 and its square would overflow or vanish."""
    largest = np.abs(value).max()
    if largest > 0 and not 1e-150 <= largest <= 1e150:
        raise ValueError(f"{name} has a largest entry of {largest:.3g} and must have 0 or one within 1e-150 to 1e150")
    return value


def multiplicities(name, value, of, other):
    """How often each entry of the vector `other` counts, as a float64 vector: 1 for None; ValueError unless all > 0."""
    if value is None:
        return np.ones(other.size)
    return as_many(name, positive_array(name, value, ndim=1), of, other)


def representable(name, value, arguments):
    """Return the array `value`; ValueError unless double precision holds every entry: finite, and not rounded to 0.

    `arguments` says what it was computed from, as text: "capacity = 400.0".
    """
    good = np.isfinite(value) & (value > 0)
    if not good.all():
        raise ValueError(f"{arguments} must keep {name} finite and > 0 in double precision, not {value[~good][0]}")
    return value


def broadcast_shape(**arrays):
    """The shape that arrays broadcast to; ValueError, with all their names and shapes, if they do not."""
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"shapes must broadcast with each other: {shapes}") from None


def increasing(name, value, *, minimum_size=2):
    """Return `value` as a float64 vector; ValueError unless strictly increasing."""
    result = np.asarray(value, dtype=np.float64)
    if result.ndim != 1 or result.size < minimum_size:
        raise ValueError(f"{name} has shape {result.shape} and must be a vector of >= {minimum_size} entries")
    # Not by differences: that of two infinities is no number.
    falling = np.flatnonzero(~(result[1:] > result[:-1]))
    if falling.size:
        first = falling[0]
        raise ValueError(f"{name}[{first}], {name}[{first + 1}] = {result[first]}, {result[first + 1]} must increase")
    return result


def _first(name, values, mask):
    """The first entry of `values` under `mask`, as text: its place, if it has one, and its value."""
    where = tuple(int(i) for i in np.argwhere(mask)[0])
    place = f"[{', '.join(map(str, where))}]" if where else ""
    return f"{name}{place} = {values[where]}"
