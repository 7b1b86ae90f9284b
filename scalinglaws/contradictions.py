"""Settings that each pass the schema and contradict one another, as lines that name the key."""

# Steps further apart than this would need a reference trajectory of more points than they are worth.
LARGEST_STEP_RATIO = 1000


def contradictions(settings):
    """Yield a line for each contradiction; settings have passed the schema."""
    studies = settings["shells"]
    yield from _unknown_datasets(settings)
    yield from _sizes_of_data(settings["data"])
    yield from _contrast(studies["sweep"])
    yield from _uneven_steps(studies["orders"]["steps"])
    yield from _broken_span(studies["orders"]["steps"], studies["orders"]["n_centres"])
    yield from _drift_cases(studies["drift"])
    yield from _falling_times(studies["couplings"]["times"])
    yield from _uneven_blocks(studies["double_descent"])
    yield from _large_batches(studies["minibatch"], settings["data"])
    yield from _model_cases(studies["models"]["cases"])
    yield from _model_ranges(studies["models"])
    yield from _curve_sections(settings["ridge"]["learning_curves"]["sections"])
    yield from _falling_ranges(settings["ridge"])
    yield from _matrices(settings["ridge"]["random_matrices"])
    yield from _sample_numbers(settings["shallow"])
    yield from _quadratic_blocks(settings["shallow"]["quadratic"])
    yield from _phase_curves(settings["shallow"]["phases"])
    yield from _interpolation(settings["shallow"]["initialisation"])
    yield from _shallow_ranges(settings["shallow"])


def _unknown_datasets(settings):
    known = sorted(settings["data"])
    for name, experiment in settings["shells"].items():
        for dataset in experiment.get("datasets", []):
            if dataset not in known:
                yield f"shells.{name}.datasets = {dataset!r}: must be one of the keys of data: {', '.join(known)}"


def _sizes_of_data(data):
    for name, problem in data.items():
        if problem["kind"] == "multi_index" and problem["n_indices"] > problem["dim"]:
            yield f"data.{name}.n_indices = {problem['n_indices']}: must be <= data.{name}.dim = {problem['dim']}"


def _contrast(sweep):
    for regime, value in sweep["contrast"].items():
        if value not in sweep["richness"]:
            allowed = f"must be one of shells.sweep.richness = {sweep['richness']}"
            yield f"shells.sweep.contrast.{regime} = {value}: {allowed}"
    lazy, rich = sweep["contrast"]["lazy"], sweep["contrast"]["rich"]
    if not lazy < rich:
        yield f"shells.sweep.contrast.lazy = {lazy}: must be < shells.sweep.contrast.rich = {rich}"


def _uneven_steps(steps):
    for step in steps:
        ratio = step / min(steps)
        if ratio > LARGEST_STEP_RATIO:
            yield f"shells.orders.steps = {step}: must be at most {LARGEST_STEP_RATIO} times the smallest, {min(steps)}"
        elif abs(ratio - round(ratio)) > 1e-9:
            yield f"shells.orders.steps = {step}: must be a whole multiple of the smallest step, {min(steps)}"


def _broken_span(steps, n_centres):
    """The reference spans n_centres + 1 of the largest steps, which every step must divide; Simpson's rule wants its
    intervals even in number. As `shells.convergence` has it, which would say so only when the job runs."""
    strides = [round(step / min(steps)) for step in steps]
    span = max(strides) * (n_centres + 1)
    if span % 2 or any(span % stride for stride in strides):
        rule = f"must divide the span of {span} smallest steps (n_centres + 1 of the largest), an even number"
        yield f"shells.orders.steps = {steps}: {rule}"


def _drift_cases(drift):
    for index, case in enumerate(drift["cases"]):
        if case["dataset"] not in drift["datasets"]:
            allowed = f"must be one of shells.drift.datasets = {drift['datasets']}"
            yield f"shells.drift.cases.{index}.dataset = {case['dataset']!r}: {allowed}"
    yield from _repeated_cases(drift["cases"], drift["network"])
    first, duration = drift["windows"]["first_time"], drift["duration"]
    if not first < duration:
        yield f"shells.drift.windows.first_time = {first}: must be < shells.drift.duration = {duration}"


def _repeated_cases(cases, chosen):
    """Cases are told apart by data set, richness0 and network: a repeated one would count as more seeds."""
    seen = set()
    for index, case in enumerate(cases):
        network = [case.get(name, chosen[name]) for name in ("depth", "width", "activation")]
        for richness0 in case["richness0"]:
            identity = (case["dataset"], richness0, *network)
            if identity in seen:
                yield f"shells.drift.cases.{index}.richness0 = {richness0}: must not repeat an earlier case"
            seen.add(identity)


def _falling_times(times):
    if sorted(times) != times:
        yield f"shells.couplings.times = {times}: must increase"


def _uneven_blocks(double_descent):
    for name in ("features", "widths", "epochs"):
        data = double_descent[name]["data"]
        for entry in ("variances", "signals"):
            if len(data[entry]) != len(data["dims"]):
                rule = f"must have as many entries as dims = {data['dims']}"
                yield f"shells.double_descent.{name}.data.{entry} = {data[entry]}: {rule}"


def _large_batches(minibatch, data):
    for dataset in minibatch["datasets"]:
        largest, n_samples = max(minibatch["batch_sizes"]), data[dataset]["n_samples"]
        if largest > n_samples:
            yield f"shells.minibatch.batch_sizes = {largest}: must be <= data.{dataset}.n_samples = {n_samples}"


def _model_cases(cases):
    """Cases are told apart by their names; a file of data takes no options, and would seem to."""
    seen = set()
    for index, case in enumerate(cases):
        key = f"shells.models.cases.{index}"
        if case["name"] in seen:
            yield f"{key}.name = {case['name']!r}: must not repeat an earlier case"
        if case["data"].endswith(".npz") and "data_options" in case:
            yield f"{key}.data_options = {case['data_options']}: must be left out for a file of data"
        seen.add(case["name"])


def _model_ranges(models):
    times, steps, n_steps = models["times"], models["compare"]["steps"], models["n_steps"]
    if not times["first"] < times["last"]:
        yield f"shells.models.times.first = {times['first']}: must be < shells.models.times.last = {times['last']}"
    if sorted(steps) != steps:
        yield f"shells.models.compare.steps = {steps}: must increase"
    elif steps[-1] > n_steps:
        yield f"shells.models.compare.steps = {steps[-1]}: must be <= shells.models.n_steps = {n_steps}"


def _curve_sections(sections):
    for name, section in sections.items():
        key = f"ridge.learning_curves.sections.{name}"
        yield from _one_of(key, section, ("ridge",), ("ridge_exponent",))
        yield from _section_features(key, section)
        yield from _entries_of_blocks(f"{key}.inputs", section["inputs"])
        low, high = section["theory"]["low"], section["theory"]["high"]
        if not low < high:
            yield f"{key}.theory.low = {low}: must be < {key}.theory.high = {high}"


def _section_features(key, section):
    features, draws = section.get("features"), section["draws"]
    if ("features" in draws) != (features is not None):
        rule = "must be given with features" if features else "must be left out without features"
        yield f"{key}.draws.features = {draws.get('features')}: {rule}"
    if features is None:
        return
    yield from _one_of(f"{key}.features", features, ("widths", "noise_std"), ("capacities",))
    over_widths, n_samples = "capacities" in features, section["n_samples"]
    if over_widths != isinstance(n_samples, int) or over_widths != ("widths" in section):
        rule = "must be one number, with a list of widths, where features have capacities, and a list without elsewhere"
        yield f"{key}.n_samples = {n_samples}: {rule}"
    if len(features.get("widths", [])) > 1 and features["noise_std"] > 0:
        yield f"{key}.features.noise_std = {features['noise_std']}: must be 0 for several layers"


def _entries_of_blocks(key, inputs):
    for entry in ("eigenvalues", "coefficients"):
        if inputs["kind"] == "blocks" and len(inputs[entry]) != len(inputs["dims"]):
            yield f"{key}.{entry} = {inputs[entry]}: must have as many entries as dims = {inputs['dims']}"


def _one_of(key, record, first, second):
    """Exactly one of two groups of keys is to be there, whole."""
    given = [name for name in (*first, *second) if name in record]
    if given not in (list(first), list(second)):
        allowed = f"must have either {' and '.join(first)} or {' and '.join(second)}"
        yield f"{key} has {', '.join(given) or 'neither'}: {allowed}"


def _falling_ranges(ridge):
    ranges = {
        f"regimes.phases.{axis}": ridge["regimes"]["phases"][axis] for axis in ("ridge_exponent", "width_exponent")
    }
    crossover = ridge["nonlinear_features"]["crossover"]["n_samples"]
    ranges["nonlinear_features.crossover.n_samples"] = [crossover["low"], crossover["high"]]
    for key, (low, high) in ranges.items():
        if not low < high:
            yield f"ridge.{key} = {[low, high]}: must increase"


def _matrices(matrices):
    key = "ridge.random_matrices"
    for index, case in enumerate(matrices["structured"]):
        yield from _one_of(f"{key}.structured.{index}", case, ("capacity",), ("levels", "shares"))
        if len(case.get("levels", [])) != len(case.get("shares", [])):
            rule = f"must have as many entries as shares = {case.get('shares')}"
            yield f"{key}.structured.{index}.levels = {case.get('levels')}: {rule}"
    for size in matrices["sizes"]:
        for parts in _matrix_parts(matrices):
            if abs(size * parts - round(size * parts)) > 1e-9 * size:
                yield f"{key}.sizes = {size}: must be whole when multiplied by {parts:g}, a share or 1 / ratio"


def _matrix_parts(matrices):
    """What the size of a matrix is multiplied by to give its number of rows, or of directions that share a level."""
    ratios = [*matrices["white_ratios"], *(case["ratio"] for case in matrices["structured"])]
    ratios += [ratio for case in matrices["deep_ratios"] for ratio in case]
    return [
        *(1 / ratio for ratio in ratios),
        *(share for case in matrices["structured"] for share in case.get("shares", [])),
    ]


def _sample_numbers(shallow):
    """dim * ratio and dim^2 * ratio are numbers of samples."""
    diagonal, quadratic = shallow["diagonal"], shallow["quadratic"]
    for dim in diagonal["dims"]:
        yield from _broken_ratios("shallow.diagonal.ratios", diagonal["ratios"], dim, "dim")
    for index, block in enumerate(quadratic["simulations"]):
        key = f"shallow.quadratic.simulations.{index}.ratios"
        yield from _broken_ratios(key, block["ratios"], block["dim"] ** 2, "dim^2")


def _broken_ratios(key, ratios, size, called):
    for ratio in ratios:
        if round(ratio * size) < 1 or abs(ratio * size - round(ratio * size)) > 1e-9 * size:
            yield f"{key} = {ratio}: must be whole and >= 1 when multiplied by {called} = {size}"


def _quadratic_blocks(quadratic):
    """Networks are compared with the solutions of their seeds."""
    for index, block in enumerate(quadratic["simulations"]):
        for seed in block.get("network_seeds", []):
            if seed not in block["seeds"]:
                key = f"shallow.quadratic.simulations.{index}"
                yield f"{key}.network_seeds = {seed}: must be one of {key}.seeds = {block['seeds']}"


def _phase_curves(phases):
    """A curve runs along n_eff or weight_decay; at the optimal weight decay along n_eff, and has no other."""
    for index, curve in enumerate(phases["curves"]):
        key = f"shallow.phases.curves.{index}"
        places = {name: curve[name] for name in ("n_eff", "weight_decay") if name in curve}
        optimal = curve["phase"] == "optimal weight decay"
        if optimal == ("weight_decay" in places):
            rule = "must be left out" if optimal else "must be given"
            yield f"{key}.weight_decay = {places.get('weight_decay')}: {rule} for phase {curve['phase']!r}"
        elif sum(isinstance(value, list) for value in places.values()) != 1:
            yield f"{key} has {places}: one of {' and '.join(places)} must be a range"
        for name, value in places.items():
            if isinstance(value, list) and not value[0] < value[1]:
                yield f"{key}.{name} = {value}: must increase"


def _interpolation(initialisation):
    """As many samples as directions or fewer; with weight decay as many or more, so that the minimum is unique."""
    chosen, balance = initialisation["interpolation"], initialisation["balance"]
    key, dim = "shallow.initialisation", chosen["dim"]
    sizes = {"n_samples": chosen["n_samples"], "n_nonzero": chosen["n_nonzero"]}
    for name, value in {**sizes, "recovery.n_samples": max(chosen["recovery"]["n_samples"])}.items():
        if value > dim:
            yield f"{key}.interpolation.{name} = {value}: must be <= {key}.interpolation.dim = {dim}"
    if balance["n_samples"] < balance["dim"]:
        yield f"{key}.balance.n_samples = {balance['n_samples']}: must be >= {key}.balance.dim = {balance['dim']}"


def _shallow_ranges(shallow):
    ranges = {
        "quadratic.curve.ratios": shallow["quadratic"]["curve"]["ratios"],
        **{
            f"phases.maps.{kind}.{axis}": chosen[axis]
            for kind, chosen in shallow["phases"]["maps"].items()
            for axis in ("n_eff", "weight_decay")
        },
        **{
            f"spectra.curves.{index}.weight_decays": curve["weight_decays"]
            for index, curve in enumerate(shallow["spectra"]["curves"])
        },
    }
    for key, (low, high) in ranges.items():
        if not low < high:
            yield f"shallow.{key} = {[low, high]}: must increase"
