"""The paper run goes on from where it stopped: what is done at full size is kept, and nothing else is."""

from snakemake.utils import update_config

from scalinglaws.store import load_yaml

PAPER = "config/paper.yaml"


def test_a_shard_that_is_done_is_kept(checkout):
    """The cheapest experiment at full size, run by itself; all other members are still to be run."""
    config, studies = (load_yaml(checkout.folder / path) for path in ("config/config.yaml", "workflow/studies.yaml"))
    update_config(config, load_yaml(checkout.folder / PAPER))
    made = {study: about["experiments"] for study, about in studies.items()}
    shards = {f"{study}_members": sum(config[study][name]["shards"] for name in names) for study, names in made.items()}
    done = checkout.run("--", "results/paper/runs/ridge/notebooks/0.npz", overlays=(PAPER,))
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = checkout.jobs(overlays=(PAPER,))
    assert {rule: jobs[rule] for rule in shards} == shards | {"ridge_members": shards["ridge_members"] - 1}
