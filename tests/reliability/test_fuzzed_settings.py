"""Settings and claims changed at random: refused in one line with the key, or right; nothing else is ever raised."""

import copy
import json
import math
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

from scalinglaws.claim_entries import band
from scalinglaws.claims import REPLICATED, VERDICTS, trial
from scalinglaws.settings import BadSetting, check_settings
from scalinglaws.store import NotPlain, load_plain_yaml, load_yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = load_yaml(ROOT / "workflow/schemas/config.schema.yaml")
DEFAULT = load_yaml(ROOT / "config/config.yaml")
CLAIMS = [claim for claim in load_yaml(ROOT / "config/claims.yaml")["claims"] if claim.get("measures")]
GIVEN = {"smoke": {}, "paper": {}, "config": DEFAULT}
for overlay in ("smoke", "paper"):
    GIVEN[overlay] = copy.deepcopy(DEFAULT)
    update_config(GIVEN[overlay], load_yaml(ROOT / f"config/{overlay}.yaml"))

odd = st.sampled_from(
    [math.nan, math.inf, -math.inf, 10**400, -1, 0, 1e308, "", "../a", "a\nb", "$(a)", None, True, 2**63]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | odd
names = st.text(max_size=3) | st.sampled_from(["kind", "seeds", "id", "low", "__class__"]) | scalars
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))


def leaves(value, path=()):
    """Paths of all entries of nested dicts and lists, inner ones included."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        yield (*path, name)
        yield from leaves(inner, (*path, name))


def numbers(value):
    """All numbers of nested dicts and lists."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from [value] if isinstance(value, float | int) else (number for part in inner for number in numbers(part))


def changed(draw, whole):
    """A copy with an entry replaced, added, renamed or taken away."""
    result = copy.deepcopy(whole)
    path = draw(st.sampled_from(list(leaves(whole))))
    place = result
    for name in path[:-1]:
        place = place[name]
    how = draw(st.sampled_from(["replace", "replace", "add", "rename", "remove"]))
    if how == "replace" or (how in ("add", "rename") and isinstance(place, list)):
        place[path[-1]] = draw(values)
    elif how == "add":
        place[draw(names)] = draw(values)
    elif how == "rename":
        place[draw(names)] = place.pop(path[-1])
    else:
        del place[path[-1]]
    return result


@st.composite
def mutations(draw, whole):
    """One or two such changes."""
    result = changed(draw, draw(whole))
    return changed(draw, result) if draw(st.booleans()) and result else result


def refusal(check, error):
    """What is said of it, in one line; None where it passes."""
    refused = None
    try:
        check()
    except error as raised:
        refused = raised
    if refused is None:
        return None
    assert type(refused) is error
    assert str(refused).isprintable()
    assert len(str(refused)) < 1500
    return str(refused)


def fuzz_settings(n_examples):
    @settings(deadline=None, derandomize=True, max_examples=n_examples)
    @given(mutations(st.sampled_from(list(GIVEN.values()))))
    def body(chosen):
        message = refusal(lambda: check_settings(chosen, SCHEMA), BadSetting)
        if message is None:
            assert all(math.isfinite(number) for number in numbers(chosen))
            assert set(chosen) == set(SCHEMA["properties"])
        else:
            assert message.startswith((*DEFAULT, *map(str, chosen), *(repr(name)[:57] for name in chosen)))

    body()


def fuzz_files(n_examples, path):
    """Text near YAML, and any structure written as YAML or JSON."""
    pieces = [
        "a",
        "b: ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "\n",
        "  ",
        "\t",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "'",
        '"',
        "0x",
        "---",
    ]
    texts = st.lists(st.sampled_from([*pieces, ": ", ",", "1", "#", "|", ">", "%", "?", "\x00", "é"]), max_size=30)

    @settings(deadline=None, derandomize=True, max_examples=n_examples)
    @given(st.one_of(texts.map("".join), st.text(max_size=30)).map(str.encode) | st.binary(max_size=30))
    def text(content):
        path.write_bytes(content)
        message = refusal(lambda: load_plain_yaml(path), NotPlain)
        if message is None:
            # YAML's parsers differ in what they take for a mistake, but not in what they find.
            with suppress(yaml.YAMLError):
                assert repr(load_plain_yaml(path)) == repr(yaml.safe_load(content.decode()))

    plain = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="ascii")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )

    @settings(deadline=None, derandomize=True, max_examples=n_examples)
    @given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), plain, min_size=1, max_size=4))
    def structure(content):
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        message = refusal(lambda: load_plain_yaml(path), NotPlain)
        assert load_plain_yaml(path) == content if message is None else message.startswith(str(path))
        path.write_text(json.dumps(content), encoding="utf-8")
        refusal(lambda: load_plain_yaml(path), NotPlain)

    text()
    structure()


def middle_of(measure):
    """A table in the middle of a measure's band, with all that it asks for."""
    lower, upper = band(measure)
    ends = [end for end in (lower, upper) if math.isfinite(end)]
    value = sum(ends) / 2 if len(ends) == 2 else ends[0] + (1.0 if upper == math.inf else -1.0)
    row = {
        column: wanted[0] if isinstance(wanted, list) else wanted for column, wanted in measure.get("where", {}).items()
    }
    row |= dict.fromkeys(measure.get("label", []), "a") | {measure["value"]: value, "low": value, "high": value}
    return pd.DataFrame([row | {"text": "a", "missing": math.nan}])


def fuzz_claims(n_examples):
    tables = {measure["table"]: middle_of(measure) for claim in CLAIMS for measure in claim["measures"]}

    @settings(deadline=None, derandomize=True, max_examples=n_examples)
    @given(mutations(st.sampled_from(CLAIMS)))
    def body(claim):
        message = refusal(lambda: trial([claim], tables), ValueError)
        if message is not None:
            name = claim.get("id")
            named = isinstance(name, str) and name and name.isprintable()
            assert message.startswith(f"claim {name!r}: " if named else "claim 0: ")
            return
        rows, judged = trial([claim], tables)
        assert rows.verdict.item() in VERDICTS
        if rows.verdict.item() == REPLICATED:
            assert len(judged) >= len(claim["measures"])
            assert all(map(math.isfinite, judged.value))
            assert (judged.low >= judged.lower).all()
            assert (judged.high <= judged.upper).all()
            assert (judged.lower < judged.upper).all()

    body()


def rounds(short, long):
    """Numbers of examples of two tests."""
    return [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.long)]


SAID = "refused by name in one line, or as sound as what is committed"
JUDGED = "refused by claim, or judged by a finite band"


@pytest.mark.parametrize("n_examples", rounds(30, 600))
def test_settings_changed_at_random(n_examples, tell):
    fuzz_settings(n_examples)
    tell("Bad settings", "the three configs with entries replaced, added, renamed and taken away at random", SAID)


@pytest.mark.parametrize("n_examples", rounds(100, 2000))
def test_files_of_random_text(n_examples, tell, tmp_path):
    fuzz_files(n_examples, tmp_path / "random.yaml")
    tell("Bad settings", "files of random text, bytes and structures", "refused by file, or read as by other readers")


@pytest.mark.parametrize("n_examples", rounds(100, 2500))
def test_claims_changed_at_random(n_examples, tell):
    fuzz_claims(n_examples)
    tell("Damaged claims", "entries replaced, added, renamed and taken away at random", JUDGED)


# Entries that could seem replicated: what is changed in a measure, and what is said.
NONSENSE = {
    "a band that reaches to infinity": ({"predicted": 1e308, "tolerance": 1e308}, "none beyond"),
    "a band too narrow for a float": ({"predicted": 1.0, "tolerance": 1e-30}, "no float lies between"),
    "a prediction of 10^400": ({"predicted": 10**400}, "predicted = 1000"),
    "a tolerance that is a truth value": ({"tolerance": True}, "tolerance = True must be a finite number"),
    "rows chosen for lacking a value": ({"where": {"missing": math.nan}}, "where.missing = nan must be text or"),
    "rows chosen by null": ({"where": {"missing": None}}, "where.missing = None must be text or"),
    "rows chosen by an empty list": ({"where": {"x": []}}, "where.x = [] must be text or"),
    "text for the measured column": ({"value": "text"}, "value = 'text': this column of t must hold numbers"),
    "text for an end of the interval": ({"low": "text"}, "low = 'text': this column of t must hold numbers"),
    "a label that is no list": ({"label": "text"}, "label = 'text' must be a list of columns"),
    "a statistic in a list": ({"statistic": ["max"]}, "statistic = ['max'] must be one line of text"),
    "a key that is a number": ({3: 1}, "unknown keys: [3]"),
}


@pytest.mark.parametrize("name", NONSENSE, ids=NONSENSE)
def test_an_entry_that_says_nothing_is_refused(name, tell):
    changes, told = NONSENSE[name]
    measure = {"quantity": "q", "table": "t", "value": "x", "why": "w", "predicted": 1.0, "tolerance": 0.1}
    table = pd.DataFrame({"x": [1.0], "text": ["a"], "missing": [math.nan]})
    good = {"id": "mine", "measures": [measure]}
    assert trial([good], {"t": table})[0].verdict.item() == REPLICATED
    with pytest.raises(ValueError, match=r"^claim 'mine': measure 'q': ") as refused:
        trial([{"id": "mine", "measures": [measure | changes]}], {"t": table})
    assert told in str(refused.value)
    tell("Damaged claims", name, "refused by claim and key")


WHOLE = {
    "a mapping for their list": ({}, "claims = {}: must be a list"),
    "an entry that is text": (["mine"], "claim 0: must have an id"),
    "an id that is a number": ([{"id": 3}], "claim 0: must have an id"),
    "an id given twice": ([{"id": "a", "not_attempted": "later"}] * 2, "claim 'a': the id must not be that of"),
    "neither measures nor a reason": ([{"id": "a"}], "claim 'a': must have measures or"),
    "measures that are a mapping": (
        [{"id": "a", "measures": {"x": 1}}],
        "claim 'a': measures = {'x': 1}: must be a list",
    ),
    "an unknown key": ([{"id": "a", "note": "b"}], "claim 'a': 'note' is no key of a claim"),
    "a statement of two lines": (
        [{"id": "a", "statement": "b\nc"}],
        "claim 'a': statement = 'b\\nc': must be one line",
    ),
}


@pytest.mark.parametrize("name", WHOLE, ids=WHOLE)
def test_a_list_of_claims_that_is_none_is_refused(name, tell):
    claims, told = WHOLE[name]
    with pytest.raises(ValueError, match=r"^claim") as refused:
        trial(claims, {})
    assert str(refused.value).startswith(told)
    tell("Damaged claims", f"claims with {name}", "refused by claim and key")
