"""YAML of plain data, read strictly: what a usual parser takes in silence, or chokes on, is refused with its line.

Settings and claims are lists and mappings of text, numbers and truth values. Anchors and aliases are not among them:
nothing here is worth saying twice by reference, and a few lines of them can stand for billions of entries. Nor is what
YAML takes for something else than it looks like: the last of two equal keys, 010 for 8, 1:30 for 90, a date.
"""

import re
from pathlib import Path

import yaml

# Several times what the files of this project have.
LARGEST = 1_000_000
DEEPEST = 30
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
RESOLVER = yaml.resolver.Resolver()
TRUTH = yaml.constructor.SafeConstructor.bool_values
KINDS = {dict: "keys with values", list: "a list", type(None): "nothing"}
PREFIX = "tag:yaml.org,2002:"
OCTAL = re.compile(r"[-+]?0[0-9_]+")


class NotPlain(ValueError):
    """A YAML file that cannot be read as plain data; the message is one line, with file and, if any, line."""


def load_plain_yaml(path):
    """The mapping that a YAML file holds; NotPlain if there is any doubt what it says."""
    try:
        return _Reader(_text(path)).mapping()
    except NotPlain as error:
        raise NotPlain(f"{path}{error}") from None
    except yaml.MarkedYAMLError as error:
        raise NotPlain(f"{path}, line {error.problem_mark.line + 1}: {error.problem}: it is no YAML") from None


def _text(path):
    """A file's text; NotPlain on what is no file, too large, or no UTF-8."""
    try:
        if not Path(path).is_file():
            raise NotPlain(": there is no such file" if not Path(path).exists() else ": is no file")
        size = Path(path).stat().st_size
        if size > LARGEST:
            raise NotPlain(f": has {size} bytes, and must have at most {LARGEST}")
        text = Path(path).read_bytes().decode()
    except OSError as error:
        raise NotPlain(f": cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise NotPlain(f", line {line}: byte {error.start + 1} of the file is no UTF-8") from None
    odd = yaml.reader.Reader.NON_PRINTABLE.search(text) or re.search("\ufeff", text)
    if odd:
        line = text.count("\n", 0, odd.start()) + 1
        raise NotPlain(f", line {line}: the character {odd[0]!a} must be left out")
    return text


class _Reader:
    """Builds a value from the events of YAML's parser, which knows neither types nor equal keys."""

    def __init__(self, text):
        self.lines, self.events = text.split("\n"), yaml.parse(text, Loader=LOADER)

    def mapping(self):
        """The one mapping of the file."""
        try:
            next(self.events)  # the stream starts
            if isinstance(next(self.events), yaml.StreamEndEvent):
                raise NotPlain(": is empty")
            value = self.value(next(self.events), ())
            next(self.events)  # the document ends
            after = next(self.events)
        except (yaml.scanner.ScannerError, yaml.parser.ParserError) as error:
            self.refuse_tab(error.problem_mark)
            raise
        if isinstance(after, yaml.DocumentStartEvent):
            raise _refusal(after, "a second document begins, and there must be one")
        if not isinstance(value, dict):
            raise NotPlain(f": must hold keys with values, and holds {KINDS.get(type(value), 'a single value')}")
        return value

    def refuse_tab(self, mark):
        """What is no YAML for a tab is told so."""
        if "\t" in self.lines[min(mark.line, len(self.lines) - 1)][: mark.column + 1]:
            raise NotPlain(f", line {mark.line + 1}: has a tab where YAML wants spaces")

    def value(self, event, path):
        """The value that begins with an event."""
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _refusal(event, f"{_key(path)} has an anchor or alias, &{event.anchor}: write the value itself")
        if event.tag is not None:
            raise _refusal(event, f"{_key(path)} has the tag {event.tag!r}, and must have none")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event, path)
        if len(path) > DEEPEST:
            raise _refusal(event, f"{_key(path[:1])} is nested more than {DEEPEST} deep")
        return self.entries(path) if isinstance(event, yaml.MappingStartEvent) else self.items(path)

    def items(self, path):
        """A list up to its end."""
        found = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.value(event, (*path, str(len(found)))))
        return found

    def entries(self, path):
        """A mapping up to its end, each key once."""
        found, lines = {}, {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            name = self.name(event, path)
            if name in found:
                raise _refusal(event, f"{_key((*path, name))} is given twice, first in line {lines[name]}")
            found[name], lines[name] = self.value(next(self.events), (*path, name)), event.start_mark.line + 1
        return found

    def name(self, event, path):
        """A key, which is text."""
        if isinstance(event, yaml.CollectionStartEvent):
            raise _refusal(event, f"{_key(path)} has a list or mapping for a key, and must have text")
        name = self.value(event, path)
        if str(name).startswith("__"):
            # Snakemake runs the code in files with __use_yte__.
            raise _refusal(event, f"{_key((*path, event.value))}: no key begins with __")
        if not isinstance(name, str):
            raise _refusal(event, f"{_key((*path, event.value))}: to YAML this key is no text; write it in quotes")
        return name


def _scalar(event, path):
    """Text, number, truth value or None."""
    text = event.value
    kind = RESOLVER.resolve(yaml.ScalarNode, text, event.implicit).removeprefix(PREFIX)
    if kind in ("merge", "timestamp", "value"):
        raise _refusal(event, f"{_key(path)}: {_short(text)} is no text to YAML; write it in quotes, or leave it out")
    if kind in ("int", "float") and (":" in text or OCTAL.fullmatch(text)):
        raise _refusal(event, f"{_key(path)}: {_short(text)} is another number to YAML than it looks like")
    try:
        return MADE[kind](text)
    except ValueError:
        raise _refusal(event, f"{_key(path)} = {_short(text)}: is no number that can be held") from None


def _float(text):
    return float(re.sub(r"\.(inf|nan)", r"\1", text.replace("_", "").lower()))


MADE = {
    "str": str,
    "null": lambda text: None,
    "bool": lambda text: TRUTH[text.lower()],
    "int": lambda text: int(text.replace("_", ""), 0),
    "float": _float,
}


def _refusal(event, problem):
    return NotPlain(f", line {event.start_mark.line + 1}: {problem}")


def _key(path):
    """A dotted key, cut where it is long."""
    joined = ".".join(part if part.isprintable() else repr(part) for part in path)
    return (joined if len(joined) <= 100 else f"{joined[:97]}...") or "the file"


def _short(text):
    return text if len(text) <= 40 and text.isprintable() else f"{ascii(text[:37])[1:-1]}..."
