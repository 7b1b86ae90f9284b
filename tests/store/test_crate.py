"""The crate of a run is a sound RO-Crate that tells of every file; the checks of that see each kind of damage."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from crate_checks import METADATA, ids_of, problems_of

from scalinglaws.store import (
    Corrupted,
    describe_run,
    load_yaml,
    save_arrays,
    save_crate,
    save_json,
    save_table,
    save_text,
)

CITATION = load_yaml(Path(__file__).resolve().parents[2] / "CITATION.cff")
FOLDER = Path("results/tiny")
TABLES = ["tables/shells/runs.csv", "tables/shells/slopes.csv"]
FIGURES = ["figures/shells/loss.png", "figures/shells/loss.pdf"]
RECORDS = ["runs/shells/sweep/0.npz", "runs/shells/sweep/1.npz", "runs/shells/orders/0.npz"]
# Data of one's own, of which the last record was made, and how the crate names them.
OWN_DATA, OWN_ENTITY = {"/far off/mine.npz": "d1ce" * 16}, "#/far%20off/mine.npz"
STEPS = [
    ("shells_sweep_tables", TABLES, RECORDS[:2], []),
    ("shells_orders_tables", ["tables/shells/orders.csv"], RECORDS[2:], []),
    ("draw_shells_sweep", FIGURES, TABLES[:1], []),
    ("claims", ["tables/claims.csv"], TABLES, ["config/claims.yaml"]),
    ("claims", ["claims.md"], ["tables/claims.csv"], []),
    ("claims", ["captions/loss.rst"], ["tables/claims.csv"], ["workflow/report/loss.rst"]),
]


def make(project, order=1):
    """Make a run with manifest and crate in `project`, the current folder; return its folder."""
    for name in RECORDS:
        about = {"params": {"experiment": name}, "seed": [0, 1], "code": "c0de"}
        save_arrays(FOLDER / name, {"x": [1.0]}, **about, inputs=OWN_DATA if name == RECORDS[2] else None)
    for name in (*TABLES, "tables/shells/orders.csv", "tables/claims.csv"):
        save_table(FOLDER / name, pd.DataFrame({"name": [name]}))
    for name in (*FIGURES, "claims.md", "captions/loss.rst", "logs/claims.log", "complete"):
        save_text(FOLDER / name, name)
    for name in ("config/claims.yaml", "workflow/report/loss.rst"):
        save_text(name, name)
    manifest = describe_run(FOLDER, [_step(*step) for step in STEPS[::order]], {"run": "tiny"})
    save_json(FOLDER / "manifest.json", manifest)
    save_crate(FOLDER / METADATA, manifest, CITATION)
    return project / FOLDER


def _step(rule, outputs, inside, outside):
    paths = {"outputs": [str(FOLDER / name) for name in outputs], "inputs": [str(FOLDER / name) for name in inside]}
    return {"rule": rule, **paths, "params": {}, "code": "ab12"} | {"inputs": [*paths["inputs"], *outside]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a run with its crate."""
    project = tmp_path_factory.mktemp("made") / "très loin"
    project.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        return make(project)


@pytest.fixture(scope="module")
def entities(made):
    """The crate's entities by identifier."""
    return {entity["@id"]: entity for entity in read(made)["@graph"]}


def read(folder):
    return json.loads((folder / METADATA).read_text(encoding="utf-8"))


def test_the_crate_is_sound(made):
    assert problems_of(made) == []


def test_the_same_run_in_another_folder_gives_the_same_bytes(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (make(tmp_path, order=-1) / METADATA).read_bytes() == (made / METADATA).read_bytes()


def test_the_root_says_what_the_citation_says(entities):
    root = entities["./"]
    assert root["name"] == f"{CITATION['title']}: run tiny"
    assert root["datePublished"] == str(CITATION["date-released"])
    assert entities[root["license"]["@id"]]["name"] == f"{CITATION['license']} license"
    assert [entities[root["author"]["@id"]]["name"]] == [author["name"] for author in CITATION["authors"]]
    papers = [entities[one["@id"]] for one in root["citation"]]
    assert [paper["name"] for paper in papers] == [paper["title"] for paper in CITATION["references"]]
    zhang = entities["#Yizhou-Zhang"]
    assert (zhang["@type"], zhang["name"]) == ("Person", "Yizhou Zhang")
    assert [paper["author"] for paper in papers[:2]] == [{"@id": "#Yizhou-Zhang"}] * 2


def test_a_job_is_an_action_from_its_inputs_to_its_outputs(entities):
    def told(name):
        action = entities[name]
        return [ids_of(action.get(key, [])) for key in ("object", "result")]

    assert told("#shells_sweep_tables") == [RECORDS[:2], TABLES]
    assert told("#draw_shells_sweep") == [TABLES[:1], sorted(FIGURES)]
    assert told("#shells_members/sweep") == [
        [],
        sorted(f"runs/shells/sweep/{i}.{s}" for i in "01" for s in ("npz", "json")),
    ]
    assert told("#shells_members/orders")[0] == [OWN_ENTITY]
    taken = ["#config/claims.yaml", *TABLES, "#workflow/report/loss.rst"]
    assert told("#claims") == [taken, ["captions/loss.rst", "claims.md", "tables/claims.csv"]]
    assert entities["#claims"]["description"] == "Hash of the code ab12; seeds 0, 1"


def test_what_lies_outside_the_run_is_told_of_and_not_a_part(made, entities):
    outside = entities["#config/claims.yaml"]
    assert outside["@type"] == "CreativeWork"
    assert outside["name"] == "config/claims.yaml"
    assert {"@id": outside["@id"]} not in entities["./"]["hasPart"]
    own = entities[OWN_ENTITY]
    assert ([own["name"]], [own["sha256"]]) == (list(OWN_DATA), list(OWN_DATA.values()))
    assert "isPartOf" not in own


def test_the_software_and_the_machine_are_told(made, entities):
    manifest = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    used = [entities[one["@id"]] for one in entities["#workflow"]["softwareRequirements"]]
    versions = {one["name"]: one["softwareVersion"] for one in used}
    assert {"python", "snakemake", "numpy", "torch"} <= set(versions)
    assert all(manifest["software"][name] == version for name, version in versions.items())
    assert not any("+" in one["url"] for one in used)
    assert entities["#machine/cores"]["value"] == manifest["machine"]["cores"]


def test_without_a_manifest_there_is_no_crate(tmp_path):
    manifest = {"run": "tiny", "software": {}, "machine": {}, "settings": {}, "files": {}}
    with pytest.raises(Corrupted, match=r"manifest\.json is missing"):
        save_crate(tmp_path / METADATA, manifest, CITATION)
    assert list(tmp_path.iterdir()) == []


# --- the checks themselves ------------------------------------------------------------------------------------------


def entity(document, name):
    (found,) = [one for one in document["@graph"] if one["@id"] == name]
    return found


def drop(name):
    return lambda document: document["@graph"].remove(entity(document, name))


def change(identifier, **properties):
    """An edit that gives an entity other properties; None takes one away."""

    def edit(document):
        found = entity(document, identifier)
        found.update(properties)
        for key in [key for key, value in found.items() if value is None]:
            del found[key]

    return edit


DAMAGE = {
    "a checksum": (change(TABLES[0], sha256="0" * 64), "wrong sha256"),
    "no checksum": (change(TABLES[0], sha256=None), "wrong sha256"),
    "a size": (change(FIGURES[0], contentSize="1"), "wrong contentSize"),
    "a size as a number": (change("claims.md", contentSize=9), "wrong contentSize"),
    "no format": (change(TABLES[0], encodingFormat=None), "encodingFormat None"),
    "a file left out": (drop("claims.md"), "refers to claims.md, which is not there"),
    "a person left out": (drop("#Yizhou-Zhang"), "refers to #Yizhou-Zhang, which is not there"),
    "the descriptor left out": (drop(METADATA), "is not the one descriptor"),
    "another version": (
        change(METADATA, conformsTo={"@id": "https://w3id.org/ro/crate/1.2"}),
        "not the one descriptor",
    ),
    "a dangling reference": (change("#claims", instrument={"@id": "#nobody"}), "refers to #nobody"),
    "a dangling input": (change("#claims", object={"@id": "tables/none.csv"}), "refers to tables/none.csv"),
    "an entity twice": (lambda document: document["@graph"].append(entity(document, TABLES[0])), "stands 2 times"),
    "an entity alone": (lambda document: document["@graph"].append({"@id": "#x", "@type": "Person"}), "refers to #x"),
    "a file that is not there": (change("claims.md", **{"@id": "claims.txt"}), "claims.md, which is not there"),
    "no license": (change("./", license=None), "the root has no license"),
    "no name": (change("./", name=None), "the root has no name"),
    "no date": (change("./", datePublished=None), "published on None"),
    "an hour": (change("./", datePublished="2026-11-20T10:00:00"), "published on 2026-11-20T10"),
    "a part left out": (change("./", hasPart={"@id": "claims.md"}), "nothing refers to manifest.json"),
    "no instrument": (change("#claims", instrument=None), "#claims has no instrument"),
    "a paper as instrument": (change("#claims", instrument={"@id": "#Yizhou-Zhang"}), "#claims has no instrument"),
    "no result": (change("#claims", result=None), "tables/claims.csv is made 0 times"),
    "made twice": (change("#shells_orders_tables", result=[{"@id": name} for name in TABLES]), "is made 2 times"),
    "an unknown word": (change("#claims", flavour="sweet"), "flavour is not in the context"),
    "an unknown kind": (change("#claims", **{"@type": "Bake"}), "type Bake is not in the context"),
    "another context": (lambda document: document.update({"@context": "https://schema.org"}), "@context is https"),
    "no word for checksums": (
        lambda document: document.update({"@context": document["@context"][0]}),
        "sha256 is not in the context",
    ),
    "a list of one": (change("#claims", instrument=[{"@id": "#workflow"}]), "instrument is a list of 1"),
    "a nested entity": (change("#claims", agent={"@id": "#me", "name": "me"}), "agent is nested"),
}


@pytest.mark.parametrize(("edit", "complaint"), DAMAGE.values(), ids=DAMAGE)
def test_the_checks_see_every_kind_of_damage(made, tmp_path, edit, complaint):
    folder = shutil.copytree(made, tmp_path / "run")
    document = read(folder)
    edit(document)
    save_json(folder / METADATA, document)
    assert complaint in "\n".join(problems_of(folder))


def test_the_checks_see_a_file_that_is_not_told_of(made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "run")
    save_text(folder / "tables/new.csv", "x\n")
    assert problems_of(folder) == ["tables/new.csv is not told of"]
