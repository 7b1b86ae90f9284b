"""The manifest of a run: every file with its checksum, what made it, from what, and with which seeds and code."""

from pathlib import Path

from scalinglaws.store.environment import installed_versions, machine, software_versions
from scalinglaws.store.files import AGAIN, BOTH_AGAIN, Corrupted, checksum
from scalinglaws.store.records import load_json, load_sidecar, sidecar
from scalinglaws.store.tables import SUMS, load_sums

# What is in a run's folder and no result: it tells of the running, or of the results.
NO_RESULTS = ("manifest.json", "ro-crate-metadata.json", "complete", "report.html")
NO_RESULT_FOLDERS = ("logs", "benchmarks")


def describe_run(folder, steps, settings, project="."):
    """The manifest of the run in `folder` as a dict that JSON can hold.

    steps: a list of the jobs, or parts of jobs, that made tables, figures and pages, each a dict of rule, outputs,
    inputs, params and code; paths as the workflow writes them, beginning with `folder` or relative to `project`. A .npz
    from the run that no step makes is a record, whose own sidecar says what made it. `files` has an entry for every
    output, record and sidecar by its path in `folder`: sha256, bytes, rule, params, seeds, code, and inputs with their
    sha256, by their path in `folder` or, from outside it, in `project`; those of a record, data files of one's own, by
    the path in the settings. Seeds are those of all records that a file rests on. A record made with other versions
    than today's says so under `software`. Corrupted, naming the file, if one is missing, if a record is not what its
    sidecar says, or another file not what a list of sums says.
    """
    step_of = {_name(path, folder): step for step in steps for path in step["outputs"]}
    needs = {name: [_name(path, folder) for path in step["inputs"]] for name, step in step_of.items()}
    paths = {path for step in steps for path in (*step["outputs"], *step["inputs"])}
    places = {_name(path, folder): path if _inside(path, folder) else Path(project, path) for path in paths}
    sums = {name: _sum(path) for name, path in places.items()}
    _check_sums([places[name] for name in step_of], sums, folder)
    arrays = (path for path in paths if _inside(path, folder) and Path(path).suffix == ".npz")
    records = {_name(path, folder) for path in arrays} - set(step_of)
    files = {key: entry for name in sorted(records) for key, entry in _record(Path(folder), name, sums[name]).items()}
    seeds = {name: entry["seeds"] for name, entry in files.items()}
    for name, step in step_of.items():
        about = {key: step[key] for key in ("rule", "params", "code")}
        about |= {"seeds": _seeds(name, needs, seeds), "inputs": {needed: sums[needed] for needed in needs[name]}}
        files[name] = _entry(places[name], sums[name], **about)
    made_with = {"software": installed_versions(), "machine": machine()}
    return {"run": Path(folder).name, **made_with, "settings": settings, "files": files}


def load_manifest(folder):
    """The manifest of the run in `folder`; Corrupted if it is missing, no JSON, or not what the crate tells of.

    The crate, written right after it, holds its sha256. A folder without one, of no run of today's, is taken as it is.
    """
    path, crate = Path(folder, "manifest.json"), Path(folder, "ro-crate-metadata.json")
    manifest = load_json(path)
    told = load_json(crate).get("@graph", []) if crate.is_file() else []
    digests = [entity.get("sha256") for entity in told if entity.get("@id") == path.name]
    if crate.is_file() and digests != [checksum(path)]:
        raise Corrupted(f"{path} is not what {crate} tells of: {BOTH_AGAIN}")
    return manifest


def check_run(folder, manifest):
    """Names of the files of the run in `folder` that are missing, changed or unlisted: three sorted lists by kind.

    Nothing in any of them: every result is, byte for byte, the one that the manifest tells of. Corrupted if the
    manifest names no files with their sha256.
    """
    try:
        listed = {name: about["sha256"] for name, about in manifest["files"].items()}
    except (KeyError, TypeError, AttributeError):
        raise Corrupted(f"manifest.json must name files, each with its sha256: {AGAIN}") from None
    there = {name for name in _files(Path(folder)) if not _no_result(name)}
    changed = [name for name in there & set(listed) if checksum(Path(folder, name)) != listed[name]]
    found = {"missing": set(listed) - there, "changed": changed, "unlisted": there - set(listed)}
    return {kind: sorted(names) for kind, names in found.items()}


def _files(folder):
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _no_result(name):
    return name in NO_RESULTS or name.split("/")[0] in NO_RESULT_FOLDERS


def _inside(path, folder):
    return Path(path).is_relative_to(folder)


def _name(path, folder):
    """A path as the manifest writes it: from the run's folder if it lies there, else as it is."""
    return (Path(path).relative_to(folder) if _inside(path, folder) else Path(path)).as_posix()


def _sum(path):
    if not Path(path).is_file():
        raise Corrupted(f"{path} is missing: run the same command again, which makes it")
    return checksum(path)


def _check_sums(made, sums, folder):
    """Corrupted, naming it, on a file that has not the sum stated in a list, and beside a list on one that has none."""
    lists, stated = [path for path in made if Path(path).suffix == SUMS], set()
    for path in lists:
        for file, digest in load_sums(path).items():
            stated.add(name := _name(file, folder))
            if name not in sums:
                raise Corrupted(f"{path} states a sum of {file}, which no job makes: {AGAIN}")
            if sums[name] != digest:
                raise Corrupted(f"{file} differs from its sum in {path}: {AGAIN}")
    beside = {Path(path).parent for path in lists}
    for path in made:
        if path not in lists and Path(path).parent in beside and _name(path, folder) not in stated:
            raise Corrupted(f"{path} has no sum in any file beside it: {AGAIN}")


def _entry(path, digest, **about):
    return {"sha256": digest, "bytes": Path(path).stat().st_size, **about}


def _record(folder, name, digest):
    """Entries of a record, runs/<study>/<experiment>/<shard>.npz, and of its sidecar."""
    path, beside = folder / name, sidecar(folder / name)
    about = load_sidecar(path)
    if digest != about.get("sha256"):
        raise Corrupted(f"{path} differs from the checksum in {beside}: {BOTH_AGAIN}")
    made = {"rule": f"{Path(name).parts[1]}_members", "seeds": _drawn(about), "code": about["code"]}
    if about["versions"] != software_versions():
        made["software"] = about["versions"]
    return {
        name: _entry(path, digest, **made, params=about["params"], inputs=about.get("inputs", {})),
        # The sidecar holds the parameters; they are not said again.
        _name(beside, folder): _entry(beside, _sum(beside), **made, params={}, inputs={name: digest}),
    }


def _drawn(about):
    """Seeds that a sidecar tells of; those of an experiment that has several lists of them are in its parameters."""
    return sorted({*_flat(about["seed"]), *(seed for given in _found(about["params"]) for seed in _flat(given))})


def _found(params):
    """Values of `seed` and `seeds` at any depth."""
    if isinstance(params, dict):
        yield from (value for name, value in params.items() if name in ("seed", "seeds"))
    inner = params.values() if isinstance(params, dict) else params if isinstance(params, list) else ()
    for value in inner:
        yield from _found(value)


def _flat(given):
    return given if isinstance(given, list) else [] if given is None else [given]


def _seeds(name, needs, known):
    """Seeds of all records that the file `name` rests on, through any number of steps."""
    if name not in known:
        known[name] = sorted({seed for needed in needs.get(name, []) for seed in _seeds(needed, needs, known)})
    return known[name]
