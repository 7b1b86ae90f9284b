"""Settings: the three configs pass; everything else is refused in one line that names the key and what is allowed."""

import copy
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

from scalinglaws.settings import BadSetting, check_settings, member_settings
from scalinglaws.shells.convergence import measure_orders
from scalinglaws.store import load_yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = load_yaml(ROOT / "workflow/schemas/config.schema.yaml")
DEFAULT = load_yaml(ROOT / "config/config.yaml")
OVERLAYS = sorted(
    path.name
    for path in (ROOT / "config").glob("*.yaml")
    if path.name not in ("config.yaml", "claims.yaml", "tolerances.yaml")
)
SECTIONS = "ridge.learning_curves.sections"
DIGITS = DEFAULT["data"]["digits"]
MISSING = object()


def changed(key, value):
    """The default settings with the entry at a dotted key replaced, added, or, for MISSING, left out."""
    result = copy.deepcopy(DEFAULT)
    *parents, leaf = key.split(".")
    place = result
    for parent in parents:
        place = place[int(parent) if isinstance(place, list) else parent]
    if value is MISSING:
        del place[leaf]
    else:
        place[int(leaf) if isinstance(place, list) else leaf] = value
    return result


def refusal(settings_):
    """The message with which settings are refused."""
    with pytest.raises(BadSetting) as refused:
        check_settings(settings_, SCHEMA)
    return str(refused.value)


# --- what passes ----------------------------------------------------------------------------------------------------


def test_there_are_the_overlays_that_the_makefile_names():
    assert {"smoke.yaml", "paper.yaml"} <= set(OVERLAYS)


@pytest.mark.parametrize("overlay", [None, *OVERLAYS])
def test_each_config_passes(overlay):
    merged = copy.deepcopy(DEFAULT)
    if overlay is not None:
        update_config(merged, load_yaml(ROOT / "config" / overlay))
        assert merged["run"] == Path(overlay).stem
    before = copy.deepcopy(merged)
    check_settings(merged, SCHEMA)
    assert merged == before


ACCEPTED = [
    ("run", "my-run_2"),
    ("run", "a" * 40),
    ("device", "auto"),
    ("dtype", "float32"),
    ("data.nancy", DIGITS),
    ("data.mine", {**DIGITS, "labels": "classes", "n_samples": 1797}),
    ("data.power_law.noise_std", 0),
    ("data.power_law.capacity", 20),
    ("shells.grid.grid_offsets", [0.0, 0.4999, -0.4999]),
    ("shells.grid.decades_above", 0.5),
    ("shells.sweep.seeds", [0, 4294967295]),
    ("shells.sweep.tolerance", 0.1),
    ("shells.sweep.shards", 1000),
    ("shells.orders.steps", [0.6, 0.3, 0.2, 0.1]),
    ("shells.orders.steps", [1, 0.5, 0.25]),
    ("shells.orders.n_centres", 1),
]


@pytest.mark.parametrize(("key", "value"), ACCEPTED)
def test_the_limits_themselves_are_allowed(key, value):
    check_settings(changed(key, value), SCHEMA)


# --- what is refused ------------------------------------------------------------------------------------------------

NETWORK, POWER_LAW = (
    "activation, depth, residual, weight_scale, width",
    "capacity, dim, kind, n_samples, noise_std, source",
)
RICHNESS = ", ".join(map(str, DEFAULT["shells"]["sweep"]["richness"]))
NAMES = ", ".join(sorted(DEFAULT["data"]))
PATTERN = "must match ^[a-z0-9][a-z0-9_-]*$"
ONCE = "must not repeat an entry"

UNKNOWN = [
    ("seed", 3, "batch_seeds, data, device, dtype, figure_dpi, figure_formats, memory_gb, ridge, run, shallow, shells"),
    ("data.power_law.ridge", 1.0, POWER_LAW),
    ("data.digits.dim", 64, "kind, labels, n_samples"),
    (
        "shells.sweeps",
        {},
        "couplings, double_descent, drift, exponents, grid, minibatch, models, orders, sweep, widths",
    ),
    ("shells.grid.ratio", 2.0, "decades_above, decades_below, grid_offsets, shell_ratio"),
    ("shells.sweep.steps", [0.1], "contrast, datasets, duration, network, richness, seeds, shards, tolerance"),
    ("shells.sweep.network.activaton", "tanh", NETWORK),
    ("shells.sweep.contrast.middle", 1.0, "lazy, rich"),
    (
        "shells.widths.contrast",
        {},
        "datasets, duration, network, richness, richness0, seeds, shards, tolerance, widths",
    ),
    ("shells.widths.network.width", 64, NETWORK.removesuffix(", width")),
    ("shells.orders.duration", 1.0, "datasets, n_centres, network, richness, seeds, shards, shell_ratio, steps"),
]
# Key, value, and what the message says; the key in the message where it is not the one that was changed.
REFUSED = [
    ("run", "../elsewhere", PATTERN),
    ("run", "a b", PATTERN),
    ("run", "a;rm -rf ~", PATTERN),
    ("run", "$(reboot)", PATTERN),
    ("run", "`reboot`", PATTERN),
    ("run", "a&b", PATTERN),
    ("run", "{wildcard}", PATTERN),
    ("run", "-rf", PATTERN),
    ("run", "", PATTERN),
    ("run", "a" * 41, "must have at most 40 characters"),
    ("run", 3, "must be of type string"),
    ("run", None, "must be of type string"),
    ("device", "gpu", "must be one of auto, cpu, cuda"),
    ("dtype", "double", "must be one of float64, float32"),
    ("figure_dpi", 20, "must be >= 50"),
    ("figure_dpi", 150.5, "must be of type integer"),
    ("figure_formats", ["pdf"], "must hold png"),
    ("figure_formats", ["png", "svg"], "must be one of png, pdf", "figure_formats.1 = 'svg'"),
    ("data", {}, "must have at least 1 entries"),
    ("data", [], "must be of type object"),
    ("data.power_law", 3, "must be one of power_law, digits, multi_index", "data.power_law.kind = None"),
    ("data.power_law.kind", "cubic", "must be one of power_law, digits, multi_index"),
    ("data.power_law.kind", [], "must be one of power_law, digits, multi_index"),
    ("data.power_law.n_samples", 1, "must be >= 2"),
    ("data.power_law.n_samples", 16.5, "must be of type integer"),
    ("data.power_law.dim", 0, "must be >= 1"),
    ("data.power_law.noise_std", -0.1, "must be >= 0"),
    ("data.power_law.source", "large", "must be of type number"),
    ("data.digits.n_samples", 1798, "must be <= 1797"),
    ("data.digits.labels", "odd", "must be one of parity, classes"),
    ("shells", None, "must be of type object"),
    ("shells.grid.shell_ratio", 1.0, "must be > 1"),
    ("shells.grid.grid_offsets", [], "must have at least 1 entries"),
    ("shells.grid.grid_offsets", [0.0, 0.0], ONCE),
    ("shells.grid.grid_offsets.0", 0.5, "must be < 0.5"),
    ("shells.grid.decades_below", math.inf, "must be a finite number"),
    ("shells.grid.decades_above", 0.4, "must be >= 0.5"),
    ("shells.sweep.datasets", [], "must have at least 1 entries"),
    ("shells.sweep.datasets", ["digits", "digits"], ONCE),
    ("shells.sweep.datasets", "digits", "must be of type array"),
    (
        "shells.sweep.datasets",
        ["cifar"],
        f"must be one of the keys of data: {NAMES}",
        "shells.sweep.datasets = 'cifar'",
    ),
    ("shells.widths.datasets.1", "mnist", f"keys of data: {NAMES}", "shells.widths.datasets = 'mnist'"),
    ("shells.orders.datasets.0", "", f"keys of data: {NAMES}", "shells.orders.datasets = ''"),
    ("shells.sweep.network.width", 0, "must be >= 1"),
    ("shells.sweep.network.width", True, "must be of type integer"),
    ("shells.sweep.network.depth", 101, "must be <= 100"),
    ("shells.sweep.network.activation", "gelu", "must be one of tanh, erf, relu, linear"),
    ("shells.sweep.network.residual", 1, "must be of type boolean"),
    ("shells.sweep.network.weight_scale", math.nan, "must be a finite number"),
    ("shells.sweep.richness", [], "must have at least 1 entries"),
    ("shells.sweep.richness.3", 0.0, "must be > 0"),
    ("shells.sweep.richness.3", -math.inf, "must be a finite number"),
    ("shells.sweep.contrast.lazy", 0.002, f"must be one of shells.sweep.richness = [{RICHNESS}]"),
    ("shells.sweep.contrast.rich", 11, f"must be one of shells.sweep.richness = [{RICHNESS}]"),
    ("shells.sweep.seeds", [], "must have at least 1 entries"),
    ("shells.sweep.seeds", [1, 2, 1], ONCE),
    ("shells.sweep.seeds.0", -1, "must be >= 0"),
    ("shells.sweep.seeds.0", 2**32, "must be <= 4294967295"),
    ("shells.sweep.duration", 0, "must be > 0"),
    ("shells.sweep.tolerance", "1e-4", "must be of type number; to YAML this is text, write 0.0001"),
    ("shells.widths.tolerance", "1e-7", "must be of type number; to YAML this is text, write 1.0e-07"),
    ("shells.widths.tolerance", 0.2, "must be <= 0.1"),
    ("shells.sweep.shards", 0, "must be >= 1"),
    ("shells.widths.widths", [64, 128], "must have at least 3 entries"),
    ("shells.widths.widths", [64, 128, 128], ONCE),
    ("shells.widths.richness0.0", 0, "must be > 0"),
    ("shells.orders.richness", [2.0], "must be of type number"),
    ("shells.orders.steps", [0.1, 0.05], "must have at least 3 entries"),
    ("shells.orders.steps", [0.1, 0.07, 0.05], "must be a whole multiple of the smallest step, 0.05", "steps = 0.07"),
    ("shells.orders.steps.0", 1.01, "must be <= 1"),
    ("shells.orders.n_centres", 0, "must be >= 1"),
    ("data.multi_index.n_indices", 33, "must be <= data.multi_index.dim = 32"),
    ("shells.exponents.richness0.0", -0.1, "must be >= 0"),
    ("shells.exponents.networks.widths", [], "must have at least 1 entries"),
    ("shells.drift.cases", [], "must have at least 1 entries"),
    ("shells.drift.cases.0.activation", "gelu", "must be one of tanh, erf, relu, linear"),
    ("shells.drift.cases.1.dataset", "cifar", "must be one of shells.drift.datasets"),
    ("shells.drift.seeds", [0], "must have at least 2 entries"),
    (
        "shells.drift.cases.1",
        {"dataset": "power_law", "richness0": [5.0, 1.0]},
        "must not repeat an earlier case",
        "shells.drift.cases.1.richness0 = 1.0",
    ),
    ("shells.drift.windows.first_time", 400.0, "must be < shells.drift.duration = 400.0"),
    ("shells.drift.windows.count", 2, "must be >= 3"),
    ("shells.drift.shell_ratios.0", 1.0, "must be > 1"),
    ("shells.couplings.times", [5.0, 1.0], "must increase"),
    ("shells.couplings.null_draws", 1, "must be >= 2"),
    ("shells.double_descent.epochs.data.signals", [1.0], "must have as many entries as dims = [56, 8]"),
    ("shells.double_descent.features.rate", 2.0, "must be < 2"),
    (
        "shells.minibatch.batch_sizes",
        [4, 65],
        "must be <= data.power_law_half.n_samples = 64",
        "shells.minibatch.batch_sizes = 65",
    ),
    ("shells.minibatch.learning_rates.0", 2.0, "must be < 2"),
    (f"{SECTIONS}.rf_deep.inputs.kind", "gaussian", "must be one of isotropic, power_law, blocks"),
    (f"{SECTIONS}.rf_deep.inputs.dim", 0, "must be >= 1"),
    (f"{SECTIONS}.rf_deep.n_samples", 2.5, "must be of type integer, array"),
    (f"{SECTIONS}.rf_deep.n_samples", [10, 0], "must be >= 1", f"{SECTIONS}.rf_deep.n_samples.1 = 0"),
    (f"{SECTIONS}.rf_deep.draws.data", 2, "must be >= 3"),
    (f"{SECTIONS}.rf_deep.features.convention", "deep", "must be one of input, layer, output"),
    (f"{SECTIONS}.rf_deep.features.noise_std", 0.1, "must be 0 for several layers"),
    (f"{SECTIONS}.rf_deep.theory.low", 1e9, f"must be < {SECTIONS}.rf_deep.theory.high"),
    (f"{SECTIONS}.rf_deep.n_samples", 10, "must be one number, with a list of widths, where features have capacities"),
    (f"{SECTIONS}.ridge_gapped.draws.features", 8, "must be left out without features"),
    (f"{SECTIONS}.ridge_gapped.inputs.eigenvalues", [1.0], "must have as many entries as dims = [10, 100, 10000]"),
    (
        f"{SECTIONS}.rf_deep.ridge_exponent",
        1.0,
        "must have either ridge or ridge_exponent",
        f"{SECTIONS}.rf_deep has ridge, ridge_exponent",
    ),
    (
        f"{SECTIONS}.rf_deep.features.capacities",
        [0.5],
        "must have either widths and noise_std or capacities",
        f"{SECTIONS}.rf_deep.features has widths, noise_std, capacities",
    ),
    ("ridge.regimes.phases.ridge_exponent", [2.0, 1.0], "must increase"),
    ("ridge.regimes.points.noisy.0.capacity", 1.0, "must be > 1"),
    ("ridge.nonlinear_features.crossover.n_samples.low", 1.0e17, "must increase", "crossover.n_samples = [1e+17"),
    ("ridge.random_matrices.structured.0.shares", [0.5, 0.5], "must have as many entries as shares", "levels = "),
    ("ridge.random_matrices.sizes.0", 251, "must be whole when multiplied by 0.5, a share or 1 / ratio", "sizes = 251"),
    ("ridge.random_matrices.structured.1.levels", [1.0], "either capacity or levels and shares", "structured.1 has"),
    ("ridge.notebooks.sections.0", "linear_wide", "must be one of ridge_isotropic, ridge_gapped"),
    ("shallow.diagonal.decay", 0.5, "must be > 0.5"),
    ("shallow.diagonal.ratios.0", 0.123, "must be whole and >= 1 when multiplied by dim = 100", "ratios = 0.123"),
    ("shallow.quadratic.simulations.0.ratios.0", 1e-5, "when multiplied by dim^2 = 2500", "ratios = 1e-05"),
    ("shallow.quadratic.simulations.0.sensing", "gaussian", "must be one of outer, goe"),
    (
        "shallow.quadratic.simulations.0.network_seeds",
        [9],
        "must be one of shallow.quadratic.simulations.0.seeds = [0, 1, 2",
        "network_seeds = 9",
    ),
    ("shallow.quadratic.curve.ratios", [2.0, 0.02], "must increase"),
    ("shallow.phases.curves.0.phase", "rich", "must be one of plateau, bias"),
    ("shallow.phases.curves.0.n_eff", [1.0, 10.0], "must be a range", "shallow.phases.curves.0 has "),
    ("shallow.phases.curves.0.weight_decay", [10.0, 1.0], "must increase"),
    ("shallow.phases.curves.0.phase", "optimal weight decay", "must be left out", "curves.0.weight_decay = "),
    ("shallow.phases.maps.diagonal.n_eff", [10.0, 1.0], "must increase"),
    ("shallow.spectra.points.0.decays.0", 0.5, "must be > 0.5"),
    ("shallow.spectra.curves.0.weight_decays", [10.0, 0.01], "must increase"),
    (
        "shallow.initialisation.interpolation.n_samples",
        101,
        "must be <= shallow.initialisation.interpolation.dim = 100",
    ),
    ("shallow.initialisation.balance.n_samples", 49, "must be >= shallow.initialisation.balance.dim = 50"),
    ("shallow.initialisation.balance.times.first", 60.0, "must be <= 1"),
]


@pytest.mark.parametrize(("key", "value", "known"), UNKNOWN)
def test_a_misspelt_key_is_named_with_the_ones_there_are(key, value, known):
    assert refusal(changed(key, value)) == f"{key} = {value!r}: unknown key; allowed here: {known}"


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}={case[1]!r}"[:50])
def test_a_bad_value_is_named_with_its_key_and_what_is_allowed(case):
    key, value, allowed, *elsewhere = case
    message = refusal(changed(key, value))
    assert allowed in message
    assert (elsewhere[0] if elsewhere else f"{key} = {value!r}") in message
    assert len(message.splitlines()) == 1


GONE = """
run device dtype data shells data.digits.labels data.power_law.dim shells.grid shells.sweep.contrast
shells.sweep.contrast.rich shells.sweep.network.width shells.widths.richness0 shells.orders.steps
"""


@pytest.mark.parametrize("key", GONE.split())
def test_a_missing_key_is_named(key):
    assert refusal(changed(key, MISSING)) == f"{key} is missing; it must be given"


def test_a_misspelt_key_is_told_before_the_one_that_it_leaves_missing():
    bad = changed("shells.sweep.seeds", MISSING)
    bad["shells"]["sweep"]["seed"] = [0, 1]
    assert refusal(bad).startswith("shells.sweep.seed = [0, 1]: unknown key; allowed here: ")


def test_a_misspelt_key_is_told_before_a_bad_value_further_up():
    bad = changed("shells.widths.shard", 3)
    bad["data"]["digits"]["n_samples"] = 1
    assert refusal(bad).startswith("shells.widths.shard = 3: unknown key")


def test_a_long_value_is_cut():
    message = refusal(changed("shells.sweep.seeds", {f"key{n}": n for n in range(100)}))
    assert message.endswith("...: must be of type array")
    assert len(message) < 120


@pytest.mark.parametrize(
    ("key", "text", "kind"),
    [*(("duration", text, "number") for text in ("nan", "inf", "-Infinity", "1e999")), ("shards", "3", "integer")],
)
def test_no_number_is_advised_that_would_be_refused(key, text, kind):
    assert refusal(changed(f"shells.sweep.{key}", text)) == f"shells.sweep.{key} = {text!r}: must be of type {kind}"


@pytest.mark.parametrize(("steps", "span"), [([0.3, 0.2, 0.1], 15), ([0.8, 0.3, 0.1], 40), ([0.9, 0.3, 0.1], 45)])
def test_steps_that_the_experiment_would_refuse_are_refused_before_it(steps, span):
    """The experiment judges its steps before it looks at the flow."""
    rule = f"must divide the span of {span} smallest steps"
    message = refusal(changed("shells.orders.steps", steps))
    assert message.startswith(f"shells.orders.steps = {steps}: {rule}")
    with pytest.raises(ValueError, match=rule):
        measure_orders(None, None, steps, DEFAULT["shells"]["orders"]["n_centres"], 4.0)


@pytest.mark.parametrize("whole", [None, [], 3, "text", {}], ids=repr)
def test_settings_that_are_no_settings(whole):
    assert len(refusal(whole).splitlines()) == 1


PRINTABLE = "must be one line of printable text"
BEYOND_THE_SCHEMA = {
    "a line's end in a value": ("run", "default\n", f"run = 'default\\n': {PRINTABLE}"),
    "a line's end in a key": ("data.mine\n", DIGITS, f"data.'mine\\n': the key {PRINTABLE}"),
    "a control character": (
        "shells.sweep.datasets",
        ["a\x1b[2J"],
        f"shells.sweep.datasets.0 = 'a\\x1b[2J': {PRINTABLE}",
    ),
    "a float for a count": ("shells.sweep.shards", 2.0, "shells.sweep.shards = 2.0: must be of type integer"),
    "a float for a seed": ("shells.sweep.seeds", [0.0], "shells.sweep.seeds.0 = 0.0: must be of type integer"),
    "a float for a width": ("shells.sweep.network.width", 128.0, "network.width = 128.0: must be of type integer"),
    "lazy is rich": (
        "shells.sweep.contrast.rich",
        0.001,
        "contrast.lazy = 0.001: must be < shells.sweep.contrast.rich",
    ),
    "lazy above rich": (
        "shells.sweep.contrast.lazy",
        30.0,
        "contrast.lazy = 30.0: must be < shells.sweep.contrast.rich",
    ),
    "a number beyond floats": ("shells.sweep.duration", 10**400, "...: must be a finite number"),
    "a key that is a number": ("data", {1: DIGITS, **DEFAULT["data"]}, f"data.1: the key {PRINTABLE}"),
    "a key that is a truth value": ("data", {True: DIGITS}, f"data.True: the key {PRINTABLE}"),
    "steps too far apart": ("shells.orders.steps", [1e-320, 0.5, 1.0], "shells.orders.steps = 0.5: must be at most"),
    **{
        f"a data set named {name}": (f"data.{name}", DIGITS, f"data = {name!r}: must match")
        for name in ("nan", "inf", "infinity", "true", "false", "9", "Mine", "a-b")
    },
}


@pytest.mark.parametrize(("key", "value", "message"), BEYOND_THE_SCHEMA.values(), ids=BEYOND_THE_SCHEMA)
def test_what_a_schema_would_let_pass_is_refused_too(key, value, message):
    assert message in refusal(changed(key, value))
    assert len(refusal(changed(key, value)).splitlines()) == 1


# --- anything at all ------------------------------------------------------------------------------------------------


def leaves(value, path=()):
    """Paths of all entries of nested dicts and lists, inner ones included."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        yield (*path, name)
        yield from leaves(inner, (*path, name))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(sorted(leaves(DEFAULT), key=str)), values), min_size=1, max_size=2))
def test_whatever_the_values_only_bad_settings_are_raised(edits):
    mutated = copy.deepcopy(DEFAULT)
    for path, value in edits:
        place = mutated
        try:
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # the first edit took away what the second would change
    message = "fine"
    try:
        check_settings(mutated, SCHEMA)
    except BadSetting as error:
        message = str(error)
    assert len(message.splitlines()) == 1
    assert len(message) < 400


def test_what_members_depend_on_leaves_out_how_to_share_and_show_the_work():
    settings = {"dtype": "float64", "data": {"a": {"dim": 3}, "b": {"dim": 4}}, "study": {"width": 8}}
    experiment = {"seeds": [0], "shards": 2, "panels": 3, "datasets": ["b"]}
    studies = {"study": {"takes": ["dtype"], "experiments": {"exp": {"shares": ["width"], "presentation": ["panels"]}}}}
    settings["study"]["exp"] = experiment
    expected = {"dtype": "float64", "width": 8, "seeds": [0], "datasets": ["b"], "data": {"b": {"dim": 4}}}
    assert member_settings(settings, studies, "study", "exp") == expected


# --- YAML -----------------------------------------------------------------------------------------------------------


def test_yaml_is_parsed_as_data_only(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("é: {a: [1, 2.5, null, yes, 1e-4, 1.0e-4]}\n", encoding="utf-8")
    assert load_yaml(path) == {"é": {"a": [1, 2.5, None, True, "1e-4", 1e-4]}}
    path.write_text(f"a: !!python/object/apply:os.mkdir ['{tmp_path / 'sprung'}']\n", encoding="utf-8")
    with pytest.raises(Exception, match="could not determine a constructor"):
        load_yaml(path)
    assert not (tmp_path / "sprung").exists()
