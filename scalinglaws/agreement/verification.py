"""Does a whole run agree with the committed one, and on what terms: exactly, or within stated tolerances."""

from dataclasses import dataclass

import pandas as pd

from scalinglaws.agreement.claims import compare_claims, compare_measurements
from scalinglaws.agreement.tables import compare_table

# The tables that are compared by what claims allow.
OF_CLAIMS = CLAIMS, MEASUREMENTS = "claims", "claim_measurements"
# What a processor's kernels and the system's mathematical functions depend on.
MACHINE = ("processor", "architecture", "system", "blas")
IDENTICAL, WITHIN, OUTSIDE = "identical", "within tolerance", "outside"


@dataclass(frozen=True)
class Results:
    """One side: tables by name, the sha256 of each one's file, and what the run was made with.

    made_with: {"software": versions by package, "machine": as told by `store.machine`}.
    """

    tables: dict
    checksums: dict
    made_with: dict


@dataclass(frozen=True)
class Verification:
    """What came out: whether the comparison is exact, and all that agrees and does not.

    conditions: lines that say which software or processor differs, none if the comparison is exact; statuses: of each
    table, by its name; deviations: of the tables' columns, the largest in units of its tolerance first; claims and
    measurements: as `compare_claims` gives them; damaged: lines on files that are not as the manifest says; unlisted:
    files that it does not know, as other settings leave behind; files: how many it names.
    """

    conditions: list
    statuses: dict
    deviations: list
    claims: pd.DataFrame
    measurements: pd.DataFrame
    damaged: list
    unlisted: list
    files: int

    @property
    def disagreeing(self):
        """Names of the tables that are not as they must be: identical, or within tolerance on another machine."""
        agreeing = (IDENTICAL, WITHIN) if self.conditions else (IDENTICAL,)
        return [name for name, status in self.statuses.items() if status not in agreeing]

    @property
    def reproduces(self):
        """Whether everything agrees."""
        claims_agree = self.claims.agrees.all() and self.measurements.agrees.all()
        return not self.disagreeing and claims_agree and not self.damaged


def verify(here, committed, tolerances, packages, files, checked):
    """Compare a run with the committed one, two Results, and say how its files are against its manifest.

    packages: names of those whose versions can change a number; files: how many the manifest names; checked: as
    `store.check_run` gives it, or None where there is no manifest. ValueError if a side does not say what it was made
    with.
    """
    conditions = differing_conditions(here.made_with, committed.made_with, packages)
    names = sorted((here.tables.keys() | committed.tables.keys()) - set(OF_CLAIMS))
    statuses, deviations = {}, []
    for name in names:
        statuses[name], found = _compare(name, here, committed, tolerances)
        deviations += found
    return Verification(
        conditions,
        statuses,
        sorted(deviations, key=lambda deviation: -deviation.ratio),
        compare_claims(here.tables[CLAIMS], committed.tables[CLAIMS]),
        compare_measurements(here.tables[MEASUREMENTS], committed.tables[MEASUREMENTS]),
        damaged_files(checked),
        checked["unlisted"] if checked else [],
        files,
    )


def differing_conditions(here, committed, packages):
    """A line for each package, and each part of the machine that numbers depend on, in which two runs differ."""
    for side, made_with in (("run", here), ("committed run", committed)):
        told = made_with if isinstance(made_with, dict) else {}
        if not all(isinstance(told.get(kind), dict) for kind in ("software", "machine")):
            raise ValueError(f"the {side} does not say with which software and machine it was made")
    parts = [("software", name) for name in packages] + [("machine", name) for name in MACHINE]
    pairs = [(name, here[kind].get(name), committed[kind].get(name)) for kind, name in parts]
    return [f"{name}: {_said(mine)} here, {_said(other)} committed" for name, mine, other in pairs if mine != other]


def damaged_files(checked):
    """A line for each file that is missing or not the bytes that the manifest names; one if there is no manifest."""
    if checked is None:
        return ["there is no manifest.json: nothing tells whether the files are those of one finished run"]
    said = {"missing": "is missing", "changed": "is not as the manifest says"}
    return sorted(f"{path} {words}" for kind, words in said.items() for path in checked[kind])


def _compare(name, here, committed, tolerances):
    """Status and Deviations of one table."""
    pair = [side.checksums.get(name) for side in (here, committed)]
    if pair[0] == pair[1]:
        return IDENTICAL, []
    found = compare_table(name, here.tables.get(name), committed.tables.get(name), tolerances)
    return OUTSIDE if any(deviation.ratio > 1 for deviation in found) else WITHIN, found


def _said(value):
    return ", ".join(value) if isinstance(value, list) else value or "none"
