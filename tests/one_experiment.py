"""A checkout whose workflow has one experiment only: the whole chain from records to verdicts in seconds."""

import yaml
from checkouts import Checkout

from scalinglaws.store import load_yaml

STUDY, EXPERIMENT = "ridge", "notebooks"


def one_experiment(folder):
    """A checkout in `folder`, yet to be made, that runs ridge.notebooks and tries the claims on its tables alone."""
    checkout = Checkout(folder)
    studies, claims = checkout.folder / "workflow/studies.yaml", checkout.folder / "config/claims.yaml"
    about = load_yaml(studies)[STUDY]
    made = about["experiments"][EXPERIMENT]
    tables = {f"{STUDY}/{table}" for table in made["tables"]}
    kept = [entry for entry in load_yaml(claims)["claims"] if _tables(entry) <= tables]
    shorter = {studies: {STUDY: {**about, "experiments": {EXPERIMENT: made}}}, claims: {"claims": kept}}
    for path, content in shorter.items():
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return checkout


def _tables(entry):
    return {measure["table"] for measure in entry.get("measures", [])}
