"""A strict reading of RO-Crate 1.1 and of what this project adds: every file told of with its true checksum."""

import json
import re
from collections import Counter
from pathlib import Path

from rocrate import vocabs
from rocrate.rocrate import ROCrate

from scalinglaws.store import checksum

METADATA = "ro-crate-metadata.json"
VERSION = "https://w3id.org/ro/crate/1.1"
# Terms that version 1.1 lacks; all others are looked up in the context of a later version, which rocrate brings.
NEWER = {"sha256"}
NO_RESULTS = (METADATA, "complete", "report.html")
SOFTWARE = {"SoftwareApplication", "SoftwareSourceCode", "ComputationalWorkflow"}


def problems_of(folder):
    """Lines on everything that is wrong with the crate in `folder`; none if it is sound and tells of every file."""
    folder = Path(folder)
    text = (folder / METADATA).read_text(encoding="utf-8")
    document = json.loads(text)
    graph = document["@graph"]
    found = [*_layout(document), *_descriptor(graph), *_references(graph)]
    if not found:  # else the rest would only say again, and less clearly, what is wrong
        entities = {entity["@id"]: entity for entity in graph}
        found = [*_root(entities), *_files(folder, entities), *_actions(entities), *_reopened(folder, graph)]
    return [*found, f"it tells where it lies: {folder.resolve()}"] if str(folder.resolve()) in text else found


def _layout(document):
    """Flattened JSON-LD: entities beside one another, whose values are plain or references."""
    context, *terms = document["@context"] if isinstance(document["@context"], list) else [document["@context"]]
    if context != f"{VERSION}/context" or not all(isinstance(more, dict) for more in terms):
        yield f"@context is {document['@context']}"
    added = {name for more in terms for name in more}
    known = (set(vocabs.RO_CRATE["@context"]) - NEWER) | added
    for entity in document["@graph"]:
        for name, value in entity.items():
            if name not in known and not name.startswith("@"):
                yield f"{entity.get('@id')}: {name} is not in the context"
            if any((isinstance(one, dict) and set(one) != {"@id"}) or isinstance(one, list) for one in _list(value)):
                yield f"{entity.get('@id')}: {name} is nested"
            if isinstance(value, list) and len(value) < 2:
                yield f"{entity.get('@id')}: {name} is a list of {len(value)}"
        if not isinstance(entity.get("@id"), str) or not entity.get("@type"):
            yield f"{entity} has no @id or no @type"
        for kind in _list(entity.get("@type", [])):
            if kind not in known:
                yield f"{entity.get('@id')}: type {kind} is not in the context"


def _descriptor(graph):
    expected = {"@type": "CreativeWork", "conformsTo": {"@id": VERSION}, "about": {"@id": "./"}}
    if [entity for entity in graph if entity.get("@id") == METADATA] != [{"@id": METADATA, **expected}]:
        yield f"{METADATA} is not the one descriptor of version 1.1 about ./"


def _references(graph):
    times = Counter(entity.get("@id") for entity in graph)
    yield from (f"{name} stands {count} times" for name, count in times.items() if count > 1)
    for entity in graph:
        if entity.get("@id") != METADATA:
            dangling = sorted(set(_named(entity)) - set(times))
            yield from (f"{entity.get('@id')} refers to {name}, which is not there" for name in dangling)
    reached = {name for entity in graph for name in _named(entity)} | {METADATA}
    yield from (f"nothing refers to {name}" for name in sorted(set(times) - reached))


def _root(entities):
    root = entities["./"]
    yield from (f"the root has no {name}" for name in ("name", "description", "author") if not root.get(name))
    if root["@type"] != "Dataset":
        yield f"the root is a {root['@type']}"
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", root.get("datePublished", "")):
        yield f"the root was published on {root.get('datePublished')}"
    if not all(
        entities[name].get("name") and entities[name].get("description") for name in ids_of(root.get("license"))
    ):
        yield "the root's license has no name or description"
    if not root.get("license"):
        yield "the root has no license"


def _files(folder, entities):
    told = {name: entity for name, entity in entities.items() if "File" in _list(entity["@type"])}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    results = {name for name in there if name not in NO_RESULTS and name.split("/")[0] not in ("logs", "benchmarks")}
    yield from (f"{name} is not told of" for name in sorted(results - set(told)))
    parts = ids_of(entities["./"].get("hasPart", []))
    yield from (f"{name} is part of the root or a file, not both" for name in sorted(set(parts) ^ set(told)))
    for name, entity in told.items():
        if name not in results:
            yield f"{name} is not there"
            continue
        true = {"sha256": checksum(folder / name), "contentSize": str((folder / name).stat().st_size)}
        yield from (f"{name}: wrong {key}" for key, value in true.items() if entity.get(key) != value)
        if not re.fullmatch(r"(application|text|image)/[\w.-]+", entity.get("encodingFormat", "")):
            yield f"{name}: encodingFormat {entity.get('encodingFormat')}"


def _actions(entities):
    actions = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    made = [name for action in actions for name in ids_of(action.get("result", []))]
    files = {name for name, entity in entities.items() if entity["@type"] == "File"} - {"manifest.json"}
    yield from (f"{name} is made {made.count(name)} times" for name in sorted(files) if made.count(name) != 1)
    for action in actions:
        name, used = action["@id"], set(ids_of(action.get("instrument", [])))
        if not used or not all(SOFTWARE & set(_list(entities[tool]["@type"])) for tool in used):
            yield f"{name} has no instrument that is software"
        if {"@id": name} not in entities["./"].get("mentions", []):
            yield f"{name} is not mentioned by the root"
        if not action.get("name") or not action.get("description") or not action.get("result"):
            yield f"{name} has no name, description or result"
        for taken in ids_of(action.get("object", [])):
            if not {"File", "CreativeWork"} & set(_list(entities[taken]["@type"])):
                yield f"{name} takes {taken}, which is no file"


def _reopened(folder, graph):
    """What the library reads from the folder, it would write again."""
    again = ROCrate(folder).metadata.generate()["@graph"]
    if sorted(again, key=_id) != sorted(graph, key=_id):
        yield "rocrate reads something else"


def _id(entity):
    return entity["@id"]


def _named(entity):
    return [one["@id"] for value in entity.values() for one in _list(value) if isinstance(one, dict) and "@id" in one]


def ids_of(value):
    """Identifiers that a property refers to, one or several."""
    return [one["@id"] for one in _list(value)]


def _list(value):
    return value if isinstance(value, list) else [] if value is None else [value]
