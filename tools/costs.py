"""What the paper run costs: `python tools/costs.py [--seconds S] [EXPERIMENT ...]` renews rows of the cost table.

One member of each kind is run, in a process of its own on one thread: whole if that should take S seconds of CPU time
at most, else at smaller sizes as far as S allows, and a power law through the last two is continued. Where networks are
trained, it is the number of snapshots that is continued so: seconds a snapshot are measured at full size, in a run that
is stopped after S. Each kind counts as often as it has members. tools/cost_plans.py has the kinds and the sizes;
figures/tables/paper_costs.csv is written, and the table of docs/paper-size.md, which says what it means.
"""

import argparse
import heapq
import importlib
import os
import re
import sys
from pathlib import Path

# Read when numpy and torch are imported.
os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")})

import pandas as pd
from cost_pieces import FEWEST, Costs, piece, time_snapshots
from cost_plans import PLANS, kinds
from snakemake.utils import update_config

from scalinglaws.settings import member_settings
from scalinglaws.store import load_table, load_yaml, save_table, save_text

ROOT = Path(__file__).resolve().parents[1]
TABLE, PAGE = ROOT / "figures/tables/paper_costs.csv", ROOT / "docs/paper-size.md"
STUDIES = load_yaml(ROOT / "workflow/studies.yaml")
EXPERIMENTS = {(study, name): made for study, about in STUDIES.items() for name, made in about["experiments"].items()}
CORES = 2, 16


def main(arguments):
    """Renew the rows asked for, one by one."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="CPU seconds of the longest piece")
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="all, if none is named")
    chosen, names = parser.parse_args(arguments), [name for _, name in EXPERIMENTS]
    if unknown := set(chosen.experiments) - set(names):
        parser.error(f"no experiment {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    time_snapshots()
    for study, experiment in EXPERIMENTS:
        if experiment in (chosen.experiments or names):
            keep(row(study, experiment, chosen.seconds))


def keep(new):
    """Put a row in its place of the table: the order of the studies, and no row of what they no longer hold."""
    old = load_table(TABLE).to_dict("records") if TABLE.exists() else []
    rows = {(each["study"], each["experiment"]): each for each in [*old, new]}
    table = pd.DataFrame([rows[place] for place in EXPERIMENTS if place in rows])
    save_table(TABLE, table)
    save_text(PAGE, with_rows(PAGE.read_text(encoding="utf-8"), page_rows(table)))
    print(new, flush=True)


def paper_settings():
    """The default settings with those of the paper run laid over them, on the CPU."""
    config = load_yaml(ROOT / "config/config.yaml")
    update_config(config, load_yaml(ROOT / "config/paper.yaml"))
    return config | {"device": "cpu"}


def row(study, experiment, seconds):
    """The row of an experiment."""
    config, plan = paper_settings(), PLANS[experiment]
    settings = member_settings(config, STUDIES, study, experiment)
    costs = Costs(importlib.import_module(f"scalinglaws.{study}.experiments.{experiment}"), settings, plan, seconds)
    found = kinds(settings, costs.members, plan)
    # The one in the middle is as good as any: seeds come last in the order of members, data sets first.
    middle = {kind: like[len(like) // 2] for kind, like in found.items()}
    each = {kind: costs(index) for kind, index in middle.items()}
    for kind, like in found.items():
        print(experiment, *kind, f"x{len(like)}", each[kind], flush=True)
    costliest = max(found, key=lambda kind: each[kind].seconds * len(found[kind]))
    of_members = {index: each[kind].seconds for kind, like in found.items() for index in like}
    return {
        **{"study": study, "experiment": experiment, "members": len(costs.members)},
        **times(of_members, config[study][experiment]["shards"]),
        **{"how": how(each.values(), costs.spent), "peak_gb": told(max(one.gigabytes for one in each.values()))},
        **gpu(study, costs, middle[costliest]),
    }


def times(seconds, n_shards):
    """Hours in all, on so many cores and of the longest shard, from each member's seconds."""
    jobs = [sum(seconds[index] for index in range(shard, len(seconds), n_shards)) for shard in range(n_shards)]
    hours = {"cpu_hours": sum(jobs), **{f"hours_{cores}_cores": makespan(jobs, cores) for cores in CORES}}
    hours["longest_shard_hours"] = max(jobs)
    return {"shards": n_shards, **{name: told(value / 3600) for name, value in hours.items()}}


def makespan(jobs, cores):
    """Seconds until all jobs are done, each on the core that is free first."""
    ends = [0.0] * cores
    for seconds in jobs:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


def how(costs, spent):
    """Measured, or by how much more one member of each kind takes than what was run of them."""
    whole = all(one.whole for one in costs)
    return "measured" if whole else f"extrapolated x{told(sum(one.seconds for one in costs) / spent):g}"


def gpu(study, costs, index):
    """What can be said of a GPU without one: torch's share of the CPU time of a member of the costliest kind."""
    if "device" not in STUDIES[study].get("takes", []):
        return {"torch_share": 0.0, "gpu": "no use: no torch"}
    # Of networks too large to be run whole, steps are wanted, not the start alone.
    fewest = FEWEST if costs.stopped else 0
    share = told(piece(costs.module, costs.settings, index, costs.seconds, fewest=fewest, profiled=True).torch_share)
    return {"torch_share": share, "gpu": f"not measured: at most x{1 / (1 - share):.1f}, if torch took no time"}


def page_rows(table):
    """Rows of the table in docs/paper-size.md, cells as text, by study and for all: one experiment after the other."""
    groups = {study: table[table.study == study] for study in STUDIES} | {"all": table}
    return {name: _summed(group) for name, group in groups.items()}


def _summed(table):
    hours = ["cpu_hours", *(f"hours_{cores}_cores" for cores in CORES)]
    numbers = [table.members.sum(), table.shards.sum(), *(told(table[name].sum()) for name in hours)]
    numbers += [table.longest_shard_hours.max(), table.peak_gb.max()]
    rest = told((table.cpu_hours * (1 - table.torch_share)).sum())
    return [
        *(f"{number:,g}" for number in numbers),
        f"not measured, over {rest:g}" if table.torch_share.any() else "no use",
    ]


def with_rows(page, rows):
    """The page with the rows of its table renewed: of the lines that begin with a bar, those after the first two."""
    cells = "".join(f"| {' | '.join([name, *row])} |\n" for name, row in rows.items())
    return re.sub(r"(^\|.*\n\|.*\n)(?:\|.*\n)*", lambda found: found[1] + cells, page, count=1, flags=re.MULTILINE)


def told(number):
    """Two digits."""
    return float(f"{number:.2g}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
