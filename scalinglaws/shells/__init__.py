"""Spectral shells: energy accounting of the training error in the moving eigenbasis of the tangent kernel."""

from scalinglaws.shells.budget import ShellBudget, StepTooLarge, budget, budgets, energies, followable, rates
from scalinglaws.shells.closures import growth_drift, measured_drift, no_drift, power_law_drift
from scalinglaws.shells.couplings import log_shift_index, shell_couplings, shell_transfers
from scalinglaws.shells.drift import DriftField, DriftFit, NothingToFit, edge_density, fit_drift, measure_field
from scalinglaws.shells.drift_laws import GriddedDrift, PowerLawDrift
from scalinglaws.shells.finite_volume import finite_volume
from scalinglaws.shells.lanczos import lanczos
from scalinglaws.shells.measure import ShellMeasurement, measure, measure_operator
from scalinglaws.shells.modes import Modes, align, decompose, eigenvalue_rates, of_snapshot, rotation_rates
from scalinglaws.shells.partition import SharpShells, SplineShells, anchored_edges, geometric_edges
from scalinglaws.shells.selfsimilar import collapse_score, effective_times, resolution_frontier
from scalinglaws.shells.tracking import ShellSnapshot, drift_field, net_exchange, track
from scalinglaws.shells.transport import characteristics, frontier

__all__ = [
    "DriftField",
    "DriftFit",
    "GriddedDrift",
    "Modes",
    "NothingToFit",
    "PowerLawDrift",
    "SharpShells",
    "ShellBudget",
    "ShellMeasurement",
    "ShellSnapshot",
    "SplineShells",
    "StepTooLarge",
    "align",
    "anchored_edges",
    "budget",
    "budgets",
    "characteristics",
    "collapse_score",
    "decompose",
    "drift_field",
    "edge_density",
    "effective_times",
    "eigenvalue_rates",
    "energies",
    "finite_volume",
    "fit_drift",
    "followable",
    "frontier",
    "geometric_edges",
    "growth_drift",
    "lanczos",
    "log_shift_index",
    "measure",
    "measure_field",
    "measure_operator",
    "measured_drift",
    "net_exchange",
    "no_drift",
    "of_snapshot",
    "power_law_drift",
    "rates",
    "resolution_frontier",
    "rotation_rates",
    "shell_couplings",
    "shell_transfers",
    "track",
]
