"""The cases of the drift experiment: runs that differ in their seed alone, with their measured drift fields."""

from dataclasses import dataclass

import numpy as np

from scalinglaws.shells.drift import measure_field
from scalinglaws.shells.partition import SplineShells
from scalinglaws.shells.tables.common import group_by

IDENTITY = ("dataset", "value", "depth", "width", "activation")
# The same as columns of tables: the value that a record holds is its richness0.
CASE = tuple("richness0" if name == "value" else name for name in IDENTITY)


@dataclass(frozen=True)
class Case:
    """Runs of one data set, richness0 and network: their records, and by shell ratio their fields by grid offset."""

    identity: dict
    records: list
    fields: dict

    @property
    def main_fields(self):
        """Per seed, the field of the finest shells and the smallest grid offset."""
        return [of_seed[self.central] for of_seed in self.fields[self.main_ratio]]

    @property
    def main_ratio(self):
        """The smallest shell ratio, whose shells are the finest."""
        return min(self.fields)

    def main_grid(self, record):
        """Edges (S + 1,) and energies (T, S) of a record in the finest shells at the smallest grid offset."""
        grid = grids_of(record)[self.main_ratio]
        return grid["edges"][self.central], grid["energy"][self.central]

    @property
    def central(self):
        """Index of the smallest grid offset."""
        return int(np.abs(np.asarray(self.records[0]["grid_offset"])).argmin())

    def rows(self, **columns):
        """Columns of a table with the case's identity in front and its number of seeds behind."""
        return {**self.identity, **columns, "seeds": len(self.records)}


def make_cases(records, first_time, count):
    """Group records into cases; windows of time are [0, first_time] and `count` log-spaced ones up to the run's end."""
    return [_case(identity, group, first_time, count) for identity, group in group_by(records, *IDENTITY)]


def time_edges(record, first_time, count):
    """0, then count + 1 log-spaced times from first_time to the end of the run."""
    return np.concatenate([[0.0], np.geomspace(first_time, record["time"][-1], count + 1)])


def grids_of(record):
    """The record's grids by shell ratio."""
    return {float(ratio): grid for ratio, grid in record["grids"].items()}


def field_of(record, ratio, offset, edges_of_time):
    """The drift field of a record in the shells of one ratio and grid offset, given by its index."""
    grid = grids_of(record)[ratio]
    exchange = grid["transfer"][offset] + grid["crossing"][offset]
    modes = (record["eigenvalues"], record["mode_energy"])
    return measure_field(record["time"], grid["edges"][offset], *modes, exchange, edges_of_time)


def nearest_snapshots(record, times):
    """Index of the snapshot nearest to each time in its logarithm, that at time zero left out."""
    return np.abs(np.log(record["time"][1:])[:, None] - np.log(times)).argmin(0) + 1


def shell_energies(edges, eigenvalues, mode_energy):
    """Energy of each spline shell at each time, (T, S), for eigenvalues and mode_energy (T, m)."""
    shells, pairs = SplineShells(edges), zip(eigenvalues, mode_energy, strict=True)
    return np.array([shells.windows(row) @ of_modes for row, of_modes in pairs])


def _case(identity, group, first_time, count):
    edges = time_edges(group[0], first_time, count)
    offsets = range(len(group[0]["grid_offset"]))
    fields = {
        ratio: [[field_of(record, ratio, offset, edges) for offset in offsets] for record in group]
        for ratio in grids_of(group[0])
    }
    return Case(dict(zip(CASE, identity, strict=True)), group, fields)
