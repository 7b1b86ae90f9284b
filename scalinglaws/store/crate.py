"""The run as a research object: RO-Crate 1.1, its jobs described as in the Process Run Crate profile 0.5.

What the profile recommends and a run must not tell is left out: when a job ended and who started it.
"""

from pathlib import Path, PurePosixPath
from urllib.parse import quote

from scalinglaws.store.environment import NUMERICAL
from scalinglaws.store.files import Corrupted, checksum
from scalinglaws.store.records import save_json

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
# RO-Crate 1.1 is older than schema.org's sha256; later versions map it so.
TERMS = {"sha256": "http://schema.org/sha256"}
FORMATS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".npz": "application/zip",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".rst": "text/x-rst",
    ".sha256": "text/plain",
    ".yaml": "application/yaml",
}
TOOLS = ("python", "snakemake", *NUMERICAL)
WORKFLOW = "#workflow"


def save_crate(path, manifest, citation):
    """Write the RO-Crate metadata of the run that `manifest` describes, whose manifest.json lies beside `path`.

    citation: what CITATION.cff says, which gives title, version, date, license, authors and the papers. The same
    arguments give the same bytes: every identifier follows from them. Corrupted if there is no manifest.json.
    """
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms.update(TERMS)
    _describe_root(crate, manifest, citation)
    _describe_workflow(crate, manifest, citation)
    _add_files(crate, Path(path).with_name("manifest.json"), manifest)
    for step, names in _jobs(manifest["files"]).items():
        _add_job(crate, step, names, manifest["files"])
    save_json(path, crate.metadata.generate())


def _describe_root(crate, manifest, citation):
    root = crate.root_dataset
    root["name"] = f"{citation['title']}: run {manifest['run']}"
    root["description"] = (
        f"Records, tables, figures and verdicts of the run {manifest['run']}, made from its settings by one workflow. "
        "manifest.json holds the settings, all software versions and the machine, and of every file the parameters, "
        "seeds, hash of the code and inputs."
    )
    root.datePublished = str(citation["date-released"])
    root["license"] = _license(crate, citation["license"])
    root["author"] = _compact([_author(crate, author) for author in citation["authors"]])
    root["citation"] = _compact([_paper(crate, paper) for paper in citation["references"]])
    name, version = "Process Run Crate", PurePosixPath(PROFILE).name
    root["conformsTo"] = _add(crate, PROFILE, "CreativeWork", name=name, version=version)
    machine = {name: value for name, value in manifest["machine"].items() if value is not None}
    root["mentions"] = [_property(crate, f"machine/{name}", value) for name, value in machine.items()]


def _describe_workflow(crate, manifest, citation):
    versions = {name: manifest["software"][name] for name in TOOLS if name in manifest["software"]}
    snakemake = {"name": "Snakemake", "url": "https://snakemake.github.io"}
    _add(
        crate,
        WORKFLOW,
        ["SoftwareSourceCode", "ComputationalWorkflow"],
        name=f"Snakefile of {citation['title']}",
        version=citation["version"],
        license=crate.root_dataset["license"],
        author=crate.root_dataset["author"],
        programmingLanguage=_add(crate, "#snakemake", "ComputerLanguage", **snakemake),
        softwareRequirements=[_tool(crate, name, version) for name, version in versions.items()],
    )


def _add_files(crate, beside, manifest):
    if not beside.is_file():
        raise Corrupted(f"{beside} is missing: the crate describes it too")
    own = {"name": "Settings, software and machine of the run, and what made each of its files"}
    _add_file(crate, beside.name, checksum(beside), beside.stat().st_size, **own)
    for name, about in sorted(manifest["files"].items()):
        _add_file(crate, name, about["sha256"], about["bytes"], name=name)


def _add_file(crate, place, digest, size, **about):
    properties = {"sha256": digest, "contentSize": str(size), "encodingFormat": _format(place), **about}
    crate.add_file(dest_path=place, properties=properties)


def _format(name):
    return FORMATS.get(PurePosixPath(name).suffix, "application/octet-stream")


def _jobs(files):
    """Names of files by the step that made them: a rule, or where one rule runs every experiment, its experiment."""
    jobs = {}
    for name, about in sorted(files.items()):
        parts = PurePosixPath(name).parts
        step = f"{about['rule']}/{parts[2]}" if parts[0] == "runs" else about["rule"]
        jobs.setdefault(step, []).append(name)
    return jobs


def _add_job(crate, step, names, files):
    inputs = {needed: digest for name in names for needed, digest in files[name]["inputs"].items()}
    taken = [_taken(crate, needed, digest) for needed, digest in sorted(inputs.items()) if needed not in names]
    seeds = sorted({seed for name in names for seed in files[name]["seeds"]})
    told = f"seeds {', '.join(map(str, seeds))}" if seeds else "no seeds"
    about = {"name": step, "description": f"Hash of the code {files[names[0]]['code']}; {told}"}
    made = [crate.get(quote(name)) for name in names]
    action = crate.add_action(crate.get(WORKFLOW), f"#{step}", _compact(taken), _compact(made), about)
    crate.root_dataset.append_to("mentions", action)


def _taken(crate, name, digest):
    """The entity of an input: a file of the run, or one that lies elsewhere and is only told of."""
    known = crate.get(quote(name)) or crate.get(f"#{quote(name)}")
    if known:
        return known
    about = {"name": name, "sha256": digest, "encodingFormat": _format(name)}
    # The workflow has no arrays: those are data of one's own.
    about |= {} if PurePosixPath(name).suffix == ".npz" else {"isPartOf": crate.get(WORKFLOW)}
    return _add(crate, f"#{quote(name)}", "CreativeWork", **about)


def _compact(values):
    """The values of a property as version 1.1 recommends: a single one stands alone."""
    return values[0] if len(values) == 1 else values


def _license(crate, identifier):
    url = f"https://spdx.org/licenses/{identifier}"
    about = {"name": f"{identifier} license", "description": f"SPDX license {identifier}", "url": url}
    return _add(crate, url, "CreativeWork", **about)


def _author(crate, author):
    """A person, or what the citation calls by one name: an organisation."""
    name = author.get("name") or f"{author['given-names']} {author['family-names']}"
    kind = "Organization" if "name" in author else "Person"
    return _add(crate, f"#{quote(name.replace(' ', '-'))}", kind, name=name)


def _paper(crate, paper):
    authors = [_author(crate, author) for author in paper["authors"]]
    about = {"name": paper["title"], "author": _compact(authors), "datePublished": str(paper["year"])}
    return _add(crate, paper["url"], "ScholarlyArticle", url=paper["url"], **about)


def _tool(crate, name, version):
    python = "https://docs.python.org/release/"
    # A build's tag, as in 2.13.0+cpu, is not part of any page's address.
    url = f"{python}{version}/" if name == "python" else f"https://pypi.org/project/{name}/{version.split('+')[0]}/"
    return _add(crate, url, "SoftwareApplication", name=name, softwareVersion=version, url=url)


def _property(crate, name, value):
    said = ", ".join(value) if isinstance(value, list) else value
    return _add(crate, f"#{name}", "PropertyValue", name=name.replace("/", ": "), value=said)


def _add(crate, identifier, kind, **properties):
    """Add a contextual entity and return it."""
    from rocrate.model.contextentity import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))
