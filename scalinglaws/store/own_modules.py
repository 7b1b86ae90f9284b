"""Modules of one's own that settings name as "package.module:factory": where they are, what they define and import.

All of it is read from their sources, before any job and without running them: to import a network would take as long as
torch, and run whatever else its file holds.
"""

import ast
import importlib.metadata
import importlib.util
import os
import re
import sys
import sysconfig
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from scalinglaws.store.data_files import SUFFIX, check_archive
from scalinglaws.store.sources import PACKAGE, inner_statements, statements

# What a package must be, or ask for, whose functions a name may call: nobody builds networks or data without either.
FOUNDATIONS = {"numpy", "torch"}
# Names that a message lists before it says that there are more.
LISTED = 8
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def case_problems(cases, folders):
    """Yield a line for each network and data set of `cases` that a job would not find, beginning with its key.

    cases: dicts with network and data, folders: where modules are looked for before the places that Python knows.
    """
    for index, case in enumerate(cases):
        for entry in ("network", "data"):
            is_file = entry == "data" and case[entry].endswith(SUFFIX)
            problem = _file_problem(case[entry]) if is_file else _factory_problem(case[entry], tuple(folders))
            if problem:
                yield f"{index}.{entry} = {case[entry]!r}: {problem}"


def named_modules(cases):
    """Names of the modules that cases take networks and data from, each once."""
    names = [name for case in cases for name in (case["network"], case["data"]) if not name.endswith(SUFFIX)]
    return list(dict.fromkeys(name.partition(":")[0] for name in names))


def own_sources(modules, folders):
    """Files of `modules`, and of all modules that they import, directly or not, by name; the library's are left out.

    What is installed is not followed: of an installed module that is named its own file counts alone. SyntaxError, or
    ValueError, on a source that Python cannot parse.
    """
    found, waiting = {}, [*modules]
    while waiting:
        for name in _with_packages(waiting.pop()):
            spec = _spec(name, tuple(folders))
            path = _file(spec)
            if path is None or name in found or (_installed(path) and name not in modules):
                continue
            found[name] = path
            if path.suffix == ".py" and not _installed(path):
                waiting += _imported(path, name if spec.submodule_search_locations else name.rpartition(".")[0])
    return found


def _file_problem(path):
    if not os.path.isfile(path):
        return f"there is no such file in {os.getcwd()}" if not os.path.isabs(path) else "there is no such file"
    try:
        check_archive(path)
    except ValueError as error:
        return str(error)
    return None


def _factory_problem(name, folders):
    module, _, factory = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), factory)) or factory.startswith("__"):
        return "must be written package.module:factory"
    if module.split(".")[0] in sys.stdlib_module_names:
        # A file of one's own of such a name would not be found either: Python has imported its own before.
        return f"{module.split('.')[0]} is a module of Python's own, and makes neither networks nor data"
    path = _file(_spec(module, folders))
    if path is None:
        return f"there is no module {module} in {' or '.join(dict.fromkeys(map(str, folders)))}, nor is one installed"
    if _installed(path) and not _is_founded(module.split(".")[0]):
        return f"{module} is installed, but not of a package that is built on {' or '.join(sorted(FOUNDATIONS))}"
    if path.suffix != ".py":
        return None
    try:
        own_sources([module], folders)
        names, told = _defined(statements(path)[0])
    except SyntaxError as error:
        return f"{_place(error.filename)}, line {error.lineno}: {error.msg}"
    except ValueError as error:
        return f"{_place(path)} cannot be read: {error}"
    listed = [*told[:LISTED], *(["..."] if len(told) > LISTED else [])]
    missing = f"{_place(path)} defines no {factory}; it defines {', '.join(listed) or 'nothing'}"
    return None if names is None or factory in names else missing


@cache
def _is_founded(package):
    """Whether an installed package is of those that networks and data are built with: no runner of commands is."""
    found = importlib.metadata.packages_distributions().get(package, [])
    required = [line for name in found for line in importlib.metadata.requires(name) or [] if "extra ==" not in line]
    names = {*found, *(re.match(r"[\w.-]+", line)[0] for line in required)}
    return bool(FOUNDATIONS & set(map(str.lower, names))) or package == PACKAGE.name


def _place(path):
    """A path as seen from here, where it lies below."""
    inside = Path(path).is_relative_to(Path.cwd())
    return str(Path(path).relative_to(Path.cwd()) if inside else path)


def _with_packages(name):
    """A module's name after those of the packages that it lies in, which run before it; the library is left out."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)] if parts[0] != PACKAGE.name else []


@cache
def _spec(name, folders):
    """Where a module would be imported from, or None; unlike importlib's own search this imports no package for it."""
    first, *others = name.split(".")
    spec = PathFinder.find_spec(first, [*map(str, folders), *sys.path]) or _elsewhere(first)
    for part in others:
        places = list(spec.submodule_search_locations or ()) if spec else []
        spec = PathFinder.find_spec(part, places)
    return spec


def _elsewhere(name):
    """A top-level module that is not on the path but known otherwise, as projects installed for editing are."""
    try:
        return importlib.util.find_spec(name)
    except ValueError:
        return None


def _file(spec):
    return Path(spec.origin) if spec and spec.has_location else None


@cache
def _installed(path):
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return bool({"site-packages", "dist-packages"} & set(path.parts)) or any(map(path.is_relative_to, places))


def _imported(path, package):
    """Names that may be modules among all that the file at `path`, in `package`, imports anywhere."""
    for node in statements(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            kept = max(package.count(".") + 2 - node.level, 0) if node.level else 0
            parents = package.split(".")[:kept]
            base = [*parents, *filter(None, [node.module])]
            # Beyond the outermost package, or outside of any, a relative import raises when Python gets there.
            if any(parents) or not node.level:
                yield from (".".join([*base, alias.name]) for alias in node.names)


def _defined(tree):
    """Names that a module has once it ran, None if only running it tells; and those of its own making, to be listed."""
    names, told = set(), []
    for node in _outermost(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, DEFINITIONS):
            told.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = (part for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
            told += [part.id for part in parts if isinstance(part.ctx, ast.Store)]
    names |= set(told)
    told = [name for name in dict.fromkeys(told) if not name.startswith("_")]
    return None if names & {"*", "__getattr__"} else names, told


def _outermost(tree):
    """Statements that run when a module is imported, those under conditions too, but none in functions or classes."""
    waiting = [tree]
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, DEFINITIONS):
            waiting[:0] = inner_statements(node)
