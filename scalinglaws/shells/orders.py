"""The discretisations whose convergence is measured, by the names they carry in tables, and the order of each."""

EXPECTED_ORDERS = {
    "ode one-sided": 1,
    "ode central": 2,
    "ode Simpson": 4,
    "mode central": 2,
    "shell rates trapezoid": 2,
    "shell dissipation": 2,
    "exponential midpoint": 2,
}
