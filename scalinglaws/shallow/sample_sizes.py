"""What simulation asks of a problem beyond theory: one data set, with a whole number of samples."""

from scalinglaws import checks


def sample_sizes(problem):
    """(n_samples, noise_std) of a problem that describes a single data set, as an integer and a float.

    ValueError unless both are single numbers, n_samples is an integer and all multiplicities are 1.
    """
    shared = problem.multiplicities[problem.multiplicities != 1]
    if shared.size:
        raise ValueError(f"multiplicities hold {shared[0]} and must all be 1 in simulation")
    n_samples, noise_std = (_single(name, getattr(problem, name)) for name in ("n_samples", "noise_std"))
    return checks.integer("n_samples", n_samples, minimum=1), noise_std


def _single(name, value):
    if value.ndim:
        raise ValueError(f"{name} has shape {value.shape} and must be a single number in simulation")
    return float(value)
