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
    yield from _repeated_cases(drift["cases"])
    first, duration = drift["windows"]["first_time"], drift["duration"]
    if not first < duration:
        yield f"shells.drift.windows.first_time = {first}: must be < shells.drift.duration = {duration}"


def _repeated_cases(cases):
    """Cases are told apart by data set, richness0 and network: a repeated one would count as more seeds."""
    seen = set()
    for index, case in enumerate(cases):
        network = [case.get(name) for name in ("depth", "width", "activation")]
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
