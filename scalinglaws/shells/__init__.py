"""Spectral shells: energy accounting of the training error in the moving eigenbasis of the tangent kernel."""

from scalinglaws.shells.budget import ShellBudget, StepTooLarge, budget, budgets, energies, followable, rates
from scalinglaws.shells.modes import Modes, align, decompose, eigenvalue_rates, of_snapshot, rotation_rates
from scalinglaws.shells.partition import SharpShells, SplineShells, geometric_edges

__all__ = [
    "Modes",
    "SharpShells",
    "ShellBudget",
    "SplineShells",
    "StepTooLarge",
    "align",
    "budget",
    "budgets",
    "decompose",
    "eigenvalue_rates",
    "energies",
    "followable",
    "geometric_edges",
    "of_snapshot",
    "rates",
    "rotation_rates",
]
