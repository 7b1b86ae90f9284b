"""Checks of a run's settings against a JSON schema and against themselves, each failure as one line with the key."""

import math

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from scalinglaws.contradictions import contradictions

# JSON takes 128.0 for an integer; numpy and range do not.
WHOLE = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
Validator = extend(Draft202012Validator, type_checker=WHOLE)


class BadSetting(ValueError):
    """A setting that is unknown, missing, of the wrong type or out of range; the message names the key."""


def check_settings(settings, schema):
    """Raise BadSetting on the first thing wrong: odd numbers and text, schema, then references between keys."""
    _refuse_odd_values(settings, ())
    errors = sorted(Validator(schema).iter_errors(settings), key=_precedence)
    if errors:
        raise BadSetting(describe(errors[0]))
    for problem in contradictions(settings):
        raise BadSetting(problem)


def _precedence(error):
    """Unknown keys first: a misspelt key also looks like a missing one; then the order of the file."""
    return error.validator != "additionalProperties", [str(part) for part in error.absolute_path]


def member_settings(settings, studies, study, experiment):
    """What the members of an experiment depend on, and nothing else: not how to reduce, draw or split the work.

    settings: a whole run's; studies: what workflow/studies.yaml says of each study and its experiments.
    """
    chosen, made = settings[study][experiment], studies[study]["experiments"][experiment]
    taken = {name: settings[name] for about in (studies[study], made) for name in about.get("takes", [])}
    if "datasets" in chosen:
        taken["data"] = {name: settings["data"][name] for name in chosen["datasets"]}
    taken |= {name: settings[study][name] for name in made.get("shares", [])}
    left_out = {"shards", *made.get("presentation", [])}
    return taken | {name: value for name, value in chosen.items() if name not in left_out}


def describe(error):
    """One line for a validation error: where, the value, and what is allowed."""
    key = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known), key=str)[0]
        return (
            f"{_join(key, unknown)} = {_short(error.instance[unknown])}: unknown key; allowed here: {', '.join(known)}"
        )
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{_join(key, missing)} is missing; it must be given"
    if error.validator == "oneOf":
        kinds = [branch["properties"]["kind"]["const"] for branch in error.validator_value]
        return _describe_kind(error, key, kinds)
    return f"{key} = {_short(error.instance)}: {_allowed(error)}"


def _describe_kind(error, key, kinds):
    """A record whose `kind` chooses its schema: judge it by that kind's schema alone."""
    kind = error.instance.get("kind") if isinstance(error.instance, dict) else None
    if kind not in kinds:
        return f"{_join(key, 'kind')} = {_short(kind)}: must be one of {', '.join(kinds)}"
    branch = sorted((e for e in error.context if e.schema_path[0] == kinds.index(kind)), key=_precedence)
    return describe(branch[0])


ALLOWED = {
    "type": "must be of type {}",
    "minimum": "must be >= {}",
    "maximum": "must be <= {}",
    "exclusiveMinimum": "must be > {}",
    "exclusiveMaximum": "must be < {}",
    "minItems": "must have at least {} entries",
    "maxItems": "must have at most {} entries",
    "enum": "must be one of {}",
    "const": "must be {}",
    "pattern": "must match {}",
    "minProperties": "must have at least {} entries",
    "maxLength": "must have at most {} characters",
    "contains": "must hold {}",
}


def _allowed(error):
    if error.validator == "uniqueItems":
        return "must not repeat an entry"
    if error.validator == "not":
        refused = (ALLOWED[name].format(bound) for name, bound in error.validator_value.items())
        return "must not be " + " and ".join(part.removeprefix("must be ") for part in refused)
    value = error.validator_value
    if value == "number" and isinstance(error.instance, str):
        return ALLOWED["type"].format(value) + _as_yaml_number(error.instance)
    value = value.get("const", value) if isinstance(value, dict) else value
    listed = ", ".join(map(str, value)) if isinstance(value, list) else value
    return ALLOWED.get(error.validator, error.message).format(listed)


def _as_yaml_number(text):
    """How to write a number that YAML takes for text, as it does 1e-4: it wants a point and a signed exponent."""
    try:
        number = float(text)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    written = repr(number)
    mantissa, e, exponent = written.partition("e")
    return f"; to YAML this is text, write {mantissa}{'' if '.' in mantissa or not e else '.0'}{e}{exponent}"


def _refuse_odd_values(value, path):
    """What no schema can refuse: numbers that no float holds, text of several lines, keys that are not text."""
    key = ".".join(path)
    if isinstance(value, int | float) and not _is_finite(value):
        raise BadSetting(f"{key} = {_short(value)}: must be a finite number")
    if isinstance(value, str) and not value.isprintable():
        raise BadSetting(f"{key} = {_short(value)}: must be one line of printable text")
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str) or not name.isprintable():
                raise BadSetting(f"{_join(key, _short(name))}: the key must be one line of printable text")
            _refuse_odd_values(inner, (*path, name))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_odd_values(inner, (*path, str(index)))


def _is_finite(number):
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _join(key, name):
    return f"{key}.{name}" if key else str(name)


def _short(value):
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."
