"""Six reference tables, computed independently of this library, on the grids of the authors' public notebooks."""

from pathlib import Path

import numpy as np
import pytest
from theory_cases import FIELDS, PARTS

from scalinglaws.ridge import learning_curve
from scalinglaws.ridge.notebook_sections import SECTIONS
from scalinglaws.store import load_table

EXACT = load_table(Path(__file__).resolve().parents[2] / "workflow/resources/ridge/exact.csv")
TABLES = {key: table for key, table in EXACT.groupby(["section", "grid", "convention"])}
# Interactions are differences of larger numbers in the tables: relative to the signal, and to the noise's share.
RELATIVE_TO = {"var_xf": ("bias", "var_x", "var_f", "var_xf"), "var_xfe": ("var_xe", "var_xfe")}


def test_every_section_has_its_tables():
    expected = {(name, "theory", "input") for name in SECTIONS} | {(name, "simulation", "layer") for name in SECTIONS}
    assert set(TABLES) == expected | {("linear_deep", "theory", "layer")}


@pytest.mark.parametrize("key", TABLES, ids=", ".join)
def test_theory_agrees_with_the_tables_to_nine_digits(key):
    (section, grid, convention), table = key, TABLES[key]
    n_samples = SECTIONS[section].n_samples(grid)
    np.testing.assert_allclose(table.n_samples, n_samples, rtol=1e-14)
    curve = learning_curve(SECTIONS[section].problem(n_samples, convention))
    for name in FIELDS:
        scale = table[list(RELATIVE_TO.get(name, (name,)))].sum(axis=1).abs()
        assert (np.abs(getattr(curve, name) - table[name]) <= 1e-9 * scale).all(), name


@pytest.mark.parametrize("key", TABLES, ids=", ".join)
def test_the_tables_themselves_add_up(key):
    table = TABLES[key]
    np.testing.assert_allclose(table[list(PARTS)].sum(axis=1), table.excess_risk, rtol=1e-9)
    np.testing.assert_allclose(table.kappa1, SECTIONS[key[0]].ridge * table.s_transform, rtol=1e-12)


def power_sum(dim, exponent):
    return (np.arange(1, dim + 1.0) ** -exponent).sum()


# Norm of the target w, and the variance w . diag(eigenvalues) w of the noiseless label.
TARGETS = {
    "ridge_isotropic": (1.0, 1.0),
    "ridge_gapped": (100.0, 1e4 * (10 + 100 + 1000) / (10 + 1e4 + 1e8)),
    "linear_isotropic": (1.0, 1.0),
    "linear_deep": (1.0, power_sum(2000, 1 + 2.1) / power_sum(2000, 1 + 2.1 - 1.5)),
    "nonlinear_isotropic": (1.0, 1.0),
    "nonlinear_additive": (power_sum(10_000, 1 + 1.44 - 1.8) ** 0.5, power_sum(10_000, 1 + 1.44)),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_grids_and_targets_are_those_of_the_notebooks(name):
    problem = SECTIONS[name].problem(SECTIONS[name].n_samples("simulation"))
    assert (problem.n_samples % 1 == 0).all()
    assert problem.dim == SECTIONS[name].dim
    squares = problem.multiplicities * problem.target**2
    norm, power = TARGETS[name]
    np.testing.assert_allclose([squares.sum(), problem.eigenvalues @ squares], [norm**2, power], rtol=1e-12)


def test_an_unknown_grid_is_refused():
    with pytest.raises(ValueError, match="grid = 'other' must be one of 'theory', 'simulation'"):
        SECTIONS["ridge_isotropic"].n_samples("other")
