"""Damaged files of a run: refused by name or made again with the same bytes, never read as data.

The run has one experiment, its claims, the figure of these, and the manifest.
"""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from one_experiment import EXPERIMENT, STUDY, one_experiment

from scalinglaws.store import Corrupted, load_arrays, load_tables, save_arrays, save_tables, sidecar

GROUP = "Damaged files"
RUN = "results/smoke"
AGAIN = re.compile(r"(\S+) [^\n]*: delete (\S+) and run the same command again")
FILES = {
    "record": f"runs/{STUDY}/{EXPERIMENT}/0.npz",
    "sidecar of a record": f"runs/{STUDY}/{EXPERIMENT}/0.json",
    "table": f"tables/{STUDY}/notebook_errors.csv",
    "sums of tables": f"tables/{STUDY}/{EXPERIMENT}.sha256",
    "verdicts": "tables/claims.csv",
    "page of verdicts": "claims.html",
    "figure": f"figures/{STUDY}/ridge_notebooks.png",
    "caption": "captions/ridge_notebooks.rst",
    "sums of figures": f"figures/{STUDY}/{EXPERIMENT}.sha256",
    "manifest": "manifest.json",
}
# Another file of the run that is as valid, of the same kind; records and manifests have none, and get one below.
OTHERS = {
    "table": f"tables/{STUDY}/notebook_causes.csv",
    "sums of tables": "tables/claims.sha256",
    "verdicts": "tables/claim_measurements.csv",
    "page of verdicts": "claims.md",
    "figure": "figures/claims/claims_overview.png",
    "caption": "captions/claims_overview.rst",
    "sums of figures": "figures/claims/claims_overview.sha256",
}


def flipped(content, bit):
    """The bytes with one bit turned."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


DAMAGES = {
    "cut in half": lambda content, other: content[: len(content) // 2],
    "emptied": lambda content, other: b"",
    "one bit flipped": lambda content, other: flipped(content, 4 * len(content)),
    "replaced by another": lambda content, other: other,
    "deleted": lambda content, other: None,
}
SHORT = [("table", "one bit flipped"), ("sidecar of a record", "one bit flipped")]
TABLE = [(kind, damage) for kind in FILES for damage in DAMAGES]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run, and what is in it."""
    checkout = one_experiment(tmp_path_factory.mktemp("damaged") / "à propos")
    done = checkout.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout, checkout.results()


@pytest.fixture(scope="module")
def others(finished, tmp_path_factory):
    """A valid file of each kind that is not the run's."""
    _, whole = finished
    path = tmp_path_factory.mktemp("others") / "0.npz"
    save_arrays(path, {"members": {}}, params={})
    manifest = {**json.loads(whole["manifest.json"]), "run": "elsewhere"}
    made = {"record": path.read_bytes(), "sidecar of a record": sidecar(path).read_bytes()}
    made["manifest"] = (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
    return {kind: whole[name] for kind, name in OTHERS.items()} | made


def damage_file(path, content):
    """Give a file other bytes, or take it away."""
    if content is None:
        path.unlink()
    else:
        assert path.read_bytes() != content
        path.write_bytes(content)


def refusal(checkout, kind):
    """What refuses the damaged file: the same command, or, as no job reads the manifest, the check of the whole run."""
    done = checkout.run()
    if kind != "manifest":
        return done
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PYTHONPATH": str(checkout.folder)}
    command = [sys.executable, "workflow/scripts/verify.py", "--run", RUN]
    return subprocess.run(
        command, cwd=checkout.folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def delete_as_told(checkout, said, name):
    """Delete what the message says, which names the damaged file."""
    told = next(match for match in AGAIN.finditer(said) if f"{RUN}/{name}" in match[0])
    named = [part.rstrip(":") for part in told[0].split() if part.startswith(RUN)]
    assert told[2] in ("it", "both")
    for path in named if told[2] == "both" else named[:1]:
        (checkout.folder / path).unlink()


@pytest.mark.parametrize(
    ("kind", "damage"),
    [pytest.param(*cell, marks=() if cell in SHORT else pytest.mark.long, id=", ".join(cell)) for cell in TABLE],
)
def test_a_damaged_file_is_refused_or_made_again(finished, others, tell, kind, damage):
    (checkout, whole), name = finished, FILES[kind]
    damage_file(checkout.folder / RUN / name, DAMAGES[damage](whole[name], others[kind]))
    if damage == "deleted":
        done = checkout.run()
        assert done.returncode == 0, done.stderr
        outcome = "made again; same bytes"
    else:
        done = refusal(checkout, kind)
        assert done.returncode != 0
        changed = [path for path, content in checkout.results().items() if content != whole[path]]
        assert changed in ([], [name]), "it was read as data"
        delete_as_told(checkout, done.stderr, name)
        done = checkout.run()
        assert done.returncode == 0, done.stderr
        refused = "by name by `make verify`" if kind == "manifest" else "by name"
        outcome = f"refused {refused}; deleted as told, made again with the same bytes"
    assert checkout.results() == whole
    tell(GROUP, f"{kind}: {damage}", outcome)


@pytest.mark.long
def test_what_no_job_needs_is_made_again_too(finished, tell):
    checkout, whole = finished
    (checkout.folder / RUN / "ro-crate-metadata.json").unlink()
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    assert checkout.results() == whole
    tell(GROUP, "research object: deleted", "made again; same bytes")


# --- a bit at random ------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path):
    """Functions that read a record and tables from the disk; the files that they rest on."""
    rng = np.random.default_rng(0)
    record, paths, sums = tmp_path / "0.npz", {"runs": tmp_path / "runs.csv"}, tmp_path / "sweep.sha256"
    save_arrays(record, {"members": {"00000": {"loss": rng.standard_normal(50)}}}, params={"width": 8}, seed=[0, 1])
    save_tables({paths["runs"]: pd.DataFrame({"dataset": "digits", "loss": rng.standard_normal(20)})}, sums)
    readers = {"record": lambda: load_arrays(record), "table": lambda: load_tables(paths, [sums])}
    return readers, {"record": (record, sidecar(record)), "table": (paths["runs"], sums)}


@pytest.mark.parametrize("kind", ["record", "table"])
def test_any_bit_that_flips_is_seen(stored, tell, kind):
    (readers, files), rng, flips = stored, np.random.default_rng(1), 300
    for path in files[kind]:
        whole = path.read_bytes()
        for bit in rng.choice(8 * len(whole), min(flips, 8 * len(whole)), replace=False):
            path.write_bytes(flipped(whole, int(bit)))
            with pytest.raises(Corrupted) as refused:
                readers[kind]()
            assert str(path) in str(refused.value)
        path.write_bytes(whole)
        readers[kind]()
    beside = {"record": "sidecar", "table": "sums"}[kind]
    tell(GROUP, f"{kind} and its {beside}: any of {flips} bits flipped, drawn at random", "each refused by name")
