"""The code behind a result: which of the library's modules a script imports, directly or not, and a hash of them all.

Snakemake sees that a script changed but not the modules that it imports; this hash, passed as a parameter of each rule,
makes an edited module rerun exactly the jobs that depend on it.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

from scalinglaws.store.files import checksum

PACKAGE = Path(__file__).resolve().parents[1]


def code_hash(*scripts, modules=(), own=None):
    """sha256 over the syntax trees of `scripts` and of every library module they or `modules` import transitively.

    own: files of modules outside the library by name, as `own_sources` finds them; they, and the library modules that
    they import, count too. Comments, docstrings and layout do not count: only what runs. FileNotFoundError for a script
    that is not there, ValueError for one that imports relatively, or imports a module of the library that does.
    """
    found, own = set(), own or {}
    for path in map(Path, scripts):
        _collect(_imports(path), found)
    for path in own.values():
        _collect(_library_names(statements(path)) if path.suffix == ".py" else (), found)
    for name in modules:
        if _file(name) is None:
            raise FileNotFoundError(f"the library has no module {name}")
    _collect(set(modules), found)
    digest = hashlib.sha256()
    for path in [*sorted(map(Path, scripts)), *(_file(name) for name in sorted(found))]:
        digest.update(_meaning(path).encode())
    for name, path in sorted(own.items()):
        digest.update(f"{name} {_meaning(path) if path.suffix == '.py' else checksum(path)}".encode())
    return digest.hexdigest()[:16]


def library_modules(script):
    """Names of the library's modules that `script` imports, directly or not, sorted."""
    found = set()
    _collect(_imports(Path(script)), found)
    return sorted(found)


def _collect(names, found):
    for name in names:
        if name not in found and _file(name) is not None:
            found.add(name)
            _collect(_imports(_file(name)), found)


@cache
def _imports(path):
    """Modules of the library imported anywhere in the file at `path`.

    A name taken from a package is traced to the module that defines it: packages only pass names on (a test sees to
    it), so the rest of the package cannot change a result. A package imported whole counts with all that it passes on.
    """
    return frozenset(_library_names(_absolute(path)))


def _library_names(nodes):
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.update(_origin(node.module, alias.name) for alias in node.names)
    return {name for name in names if name.split(".")[0] == PACKAGE.name}


def _origin(module, name):
    """The module that `from module import name` takes its value from."""
    if _file(f"{module}.{name}") is not None:
        return f"{module}.{name}"
    path = _file(module)
    if path is None or path.name != "__init__.py":
        return module
    passed_on = (node for node in _absolute(path)[0].body if isinstance(node, ast.ImportFrom))
    return next((_origin(node.module, name) for node in passed_on if name in {a.name for a in node.names}), module)


@cache
def _file(name):
    """Source file of a dotted module name of the library, or None."""
    base = PACKAGE.parent.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


@cache
def statements(path):
    """The syntax tree of the file at `path`, without docstrings, and after it all statements in it.

    Imports and docstrings are nowhere else, and most of a tree is expressions. SyntaxError or ValueError if it is no
    Python.
    """
    found, waiting = [], [ast.parse(path.read_bytes(), filename=str(path))]
    while waiting:
        found.append(node := waiting.pop())
        _drop_docstring(node)
        waiting += inner_statements(node)
    return found


def inner_statements(node):
    """Statements, and cases of statements, directly inside one."""
    found = []
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, part, None)
        found += inner if isinstance(inner, list) else []
    return found


def _drop_docstring(node):
    body = getattr(node, "body", None)
    if body and isinstance(body, list) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]


@cache
def _absolute(path):
    """As `statements`; ValueError on relative imports, which say too little to be followed."""
    for node in statements(path):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise ValueError(f"{path}:{node.lineno} imports relatively and must name its modules in full")
    return statements(path)


@cache
def _meaning(path):
    """The syntax tree as text, without places in the file."""
    return repr(_nested(statements(path)[0]))


def _nested(node):
    """Nested lists of a node's kind and fields: faster than `ast.dump`, for which the whole graph would wait."""
    found = [type(node).__name__]
    for field in node._fields:
        value = node.__dict__.get(field)
        if isinstance(value, ast.AST):
            value = _nested(value)
        elif isinstance(value, list):
            value = [_nested(part) if isinstance(part, ast.AST) else part for part in value]
        found.append(value)
    return found
