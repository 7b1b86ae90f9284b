"""Malformed files of settings, each with what is said of it: {file} stands for the file's path."""

import re

UNKNOWN, TEXT = "unknown key; allowed here: ", "must be of type string"
RUN = "must match ^[a-z0-9][a-z0-9_-]*$"
FINITE = "must be a finite number"
QUOTES = "is no text to YAML; write it in quotes, or leave it out"
ALIAS = "has an anchor or alias"
NO_KEY = "to YAML this key is no text; write it in quotes"
LOOKS = "is another number to YAML than it looks like"
# Mappings of mappings by reference: 2^40 entries, were they followed.
BOMB = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}}}\n" for n in range(1, 41))
LISTS = "data: [&b [1, 1], " + ", ".join(f"&c{n} [*b, *b]" for n in range(40)) + "]\n"
SPRUNG = "touch sprung"


def case(**entries):
    """An overlay with one case of a network of one's own."""
    usual = {"name": "mine", "network": "nets:build", "data": "nets:data"} | entries
    return "shells: {models: {cases: [{" + ", ".join(f'{name}: "{value}"' for name, value in usual.items()) + "}]}}\n"


# What was tried: the file's content, and what the message says.
CASES = {
    # Keys
    "unknown key at the top": ("shels: {}\n", f"shels = {{}}: {UNKNOWN}"),
    "unknown study": ("shell: {grid: {}}\n", f"shell = {{'grid': {{}}}}: {UNKNOWN}"),
    "unknown experiment": ("shells: {sweeps: {}}\n", f"shells.sweeps = {{}}: {UNKNOWN}"),
    "unknown key of an experiment": ("shells: {sweep: {sead: [0]}}\n", f"shells.sweep.sead = [0]: {UNKNOWN}"),
    "unknown key four levels down": (
        "shells: {sweep: {network: {widht: 3}}}\n",
        f"shells.sweep.network.widht = 3: {UNKNOWN}",
    ),
    "unknown key of a data set": ("data: {digits: {size: 3}}\n", f"data.digits.size = 3: {UNKNOWN}"),
    "wrong letter case of a key": ("Run: smoke\n", f"Run = 'smoke': {UNKNOWN}"),
    "key with a dash for an underscore": ("figure-dpi: 75\n", f"figure-dpi = 75: {UNKNOWN}"),
    "number for a key": ("3: smoke\n", f"{{file}}, line 1: 3: {NO_KEY}"),
    "truth value for a key": ("run: a\nyes: smoke\n", f"{{file}}, line 2: yes: {NO_KEY}"),
    "list for a key": ("[run]: smoke\n", "{file}, line 1: the file has a list or mapping for a key"),
    "key that Snakemake takes for a template": (
        f"__use_yte__: true\nrun: ?__import__('os').system('{SPRUNG}')\n",
        "{file}, line 1: __use_yte__: no key begins with __",
    ),
    "equal keys at the top": ("run: a\nrun: b\n", "{file}, line 2: run is given twice, first in line 1"),
    "equal keys three levels down": (
        "shells:\n  sweep:\n    seeds: [0, 1]\n    seeds: [0]\n",
        "{file}, line 4: shells.sweep.seeds is given twice, first in line 3",
    ),
    "equal keys in JSON": ('{"run": "a",\n"run": "b"}\n', "{file}, line 2: run is given twice, first in line 1"),
    "merge key `<<`": ("data: {digits: {<<: {n_samples: 4}}}\n", f"{{file}}, line 1: data.digits: << {QUOTES}"),
    "quoted merge key": ('data: {digits: {"<<": {n_samples: 4}}}\n', f"data.digits.<< = {{'n_samples': 4}}: {UNKNOWN}"),
    # Types and ranges
    "null for a section": ("shells: null\n", "shells = None: must be of type object"),
    "section without content": ("shells:\n", "shells = None: must be of type object"),
    "list for a section": ("shells: []\n", "shells = []: must be of type object"),
    "text for a list": ("shells: {sweep: {seeds: all}}\n", "shells.sweep.seeds = 'all': must be of type array"),
    "text for a number": ("memory_gb: lots\n", "memory_gb = 'lots': must be of type number"),
    "number that YAML takes for text": (
        "shells: {sweep: {tolerance: 1e-4}}\n",
        "shells.sweep.tolerance = '1e-4': must be of type number; to YAML this is text, write 0.0001",
    ),
    "truth value for a number": ("figure_dpi: true\n", "figure_dpi = True: must be of type integer"),
    "fraction for a whole number": ("figure_dpi: 75.5\n", "figure_dpi = 75.5: must be of type integer"),
    "number for a truth value": ("batch_seeds: 1\n", "batch_seeds = 1: must be of type boolean"),
    "no for a name": ("run: no\n", f"run = False: {TEXT}"),
    "number below its range": ("data: {digits: {n_samples: 1}}\n", "data.digits.n_samples = 1: must be >= 2"),
    "number above its range": ("figure_dpi: 1201\n", "figure_dpi = 1201: must be <= 1200"),
    "number on an edge that is left out": ("memory_gb: 0\n", "memory_gb = 0: must be > 0"),
    "empty list": ("shells: {sweep: {seeds: []}}\n", "shells.sweep.seeds = []: must have at least 1 entries"),
    "entry given twice": ("shells: {sweep: {seeds: [1, 1]}}\n", "shells.sweep.seeds = [1, 1]: must not repeat"),
    "unknown data set": ("shells: {sweep: {datasets: [cifar]}}\n", "shells.sweep.datasets = 'cifar': must be one of"),
    "settings that contradict each other": (
        "shells: {orders: {steps: [0.1, 0.07, 0.05]}}\n",
        "shells.orders.steps = 0.07: must be a whole multiple",
    ),
    # Numbers
    "NaN": ("memory_gb: .nan\n", f"memory_gb = nan: {FINITE}"),
    "infinity": ("shells: {sweep: {duration: .inf}}\n", f"shells.sweep.duration = inf: {FINITE}"),
    "minus infinity in a list": ("shells: {sweep: {richness: [-.Inf]}}\n", f"shells.sweep.richness.0 = -inf: {FINITE}"),
    "NaN in JSON": ('{"memory_gb": NaN}\n', "memory_gb = "),
    "10^400": (f"memory_gb: 1{'0' * 400}\n", "memory_gb = 1000000000"),
    "10^5000": (f"memory_gb: 1{'0' * 5000}\n", "{file}, line 1: memory_gb = 1000000"),
    "16^5000": (f"memory_gb: 0x1{'0' * 5000}\n", f"memory_gb = a number of thousands of digits: {FINITE}"),
    "1.0e+400": ("memory_gb: 1.0e+400\n", f"memory_gb = inf: {FINITE}"),
    "1e400": ("memory_gb: 1e400\n", "memory_gb = "),
    "2^32 for a seed": ("shells: {sweep: {seeds: [4294967296]}}\n", "shells.sweep.seeds.0 = 4294967296: must be <= "),
    "octal number": ("figure_dpi: 0100\n", f"{{file}}, line 1: figure_dpi: 0100 {LOOKS}"),
    "number to the base of 60": ("memory_gb: 1:30\n", f"{{file}}, line 1: memory_gb: 1:30 {LOOKS}"),
    "date": ("run: 2020-01-01\n", f"{{file}}, line 1: run: 2020-01-01 {QUOTES}"),
    # Text
    "`../elsewhere` for the run": ("run: ../elsewhere\n", f"run = '../elsewhere': {RUN}"),
    "`/tmp/elsewhere` for the run": ("run: /tmp/elsewhere\n", f"run = '/tmp/elsewhere': {RUN}"),
    "`a; touch sprung` for the run": (f"run: 'a; {SPRUNG}'\n", f"run = 'a; {SPRUNG}': {RUN}"),
    "`$(touch sprung)` for the run": (f"run: $({SPRUNG})\n", f"run = '$({SPRUNG})': {RUN}"),
    "`-rf` for the run": ("run: -rf\n", f"run = '-rf': {RUN}"),
    "`{wildcard}` for the run": ("run: '{wildcard}'\n", f"run = '{{wildcard}}': {RUN}"),
    "text of two lines for the run": ('run: "a\\nb"\n', "run = 'a\\nb': must be one line of printable text"),
    "`../digits` for a data set": (
        'data: {"../digits": {kind: digits, n_samples: 4, labels: parity}}\n',
        "must match ",
    ),
    "`../mine` for the name of a case": (case(name="../mine"), "shells.models.cases.0.name = '../mine': must match "),
    "`a;b` for the name of a case": (case(name="a;b"), "shells.models.cases.0.name = 'a;b': must match "),
    "`../nets:build` for a network": (case(network="../nets:build"), "shells.models.cases.0.network = '../nets:build'"),
    "`nets.py` for a network": (case(network="nets.py"), "shells.models.cases.0.network = 'nets.py': must match "),
    "`os:system` for a network": (
        case(network="os:system"),
        "shells.models.cases.0.network = 'os:system': os is a module of Python's own",
    ),
    "`$(touch sprung).npz` for data": (
        case(network="scalinglaws.networks.examples:perceptron", data=f"$({SPRUNG}).npz"),
        f"shells.models.cases.0.data = '$({SPRUNG}).npz': there is no such file",
    ),
    "`../missing.npz` for data": (
        case(network="scalinglaws.networks.examples:perceptron", data="../missing.npz"),
        "shells.models.cases.0.data = '../missing.npz': there is no such file",
    ),
    # YAML
    "anchor": ("shells: {sweep: {seeds: &s [0, 1]}}\n", f"{{file}}, line 1: shells.sweep.seeds {ALIAS}, &s"),
    "aliases of mappings for 2^40 entries": (BOMB, f"{{file}}, line 1: a0 {ALIAS}, &a0"),
    "aliases of lists for many entries": (LISTS, f"{{file}}, line 1: data.0 {ALIAS}, &b"),
    "mapping that holds itself": ("shells: &x {sweep: *x}\n", f"{{file}}, line 1: shells {ALIAS}, &x"),
    "tag that runs a command": (
        f"run: !!python/object/apply:os.system ['{SPRUNG}']\n",
        "{file}, line 1: run has the tag 'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "tag of a tuple": ("run: !!python/tuple [a]\n", "{file}, line 1: run has the tag "),
    "tag of one's own": ("run: !mine a\n", "{file}, line 1: run has the tag '!mine'"),
    "tab for spaces": ("shells:\n\tsweep: {}\n", "{file}, line 2: has a tab where YAML wants spaces"),
    "list that does not end": ("run: [a, b\n", "{file}, line 2: did not find expected ',' or ']': it is no YAML"),
    "wrong indentation": ("shells:\n  sweep: {}\n grid: {}\n", "{file}, line 3: did not find expected key"),
    "two documents": ("run: a\n---\nrun: b\n", "{file}, line 2: a second document begins, and there must be one"),
    "list at the top": ("- run\n", "{file}: must hold keys with values, and holds a list"),
    "single word": ("smoke\n", "{file}: must hold keys with values, and holds a single value"),
    "nothing but a comment": ("# run: smoke\n", "{file}: is empty"),
    "empty file": ("", "{file}: is empty"),
    "100000 lists in each other": (f"run: {'[' * 100_000}{']' * 100_000}\n", "{file}, line 1: run is nested more than"),
    "100000 lists in each other in JSON": (
        f'{{"run": {"[" * 100_000}{"]" * 100_000}}}\n',
        "{file}, line 1: run is nested more than",
    ),
    "100000 dashes": (f"run:\n{'- ' * 100_000}a\n", "{file}, line 2: run is nested more than"),
    # Bytes
    "byte order mark": (b"\xef\xbb\xbfrun: a\n", r"{file}, line 1: the character '\ufeff' must be left out"),
    "NUL byte": (b"run: a\0b\n", r"{file}, line 1: the character '\x00' must be left out"),
    "escape sequence of a terminal": (b"run: \x1b[31ma\n", r"{file}, line 1: the character '\x1b' must be left out"),
    "Latin-1": ("device: cpu\nrun: café\n".encode("latin-1"), "{file}, line 2: byte 21 of the file is no UTF-8"),
    "UTF-16": ("run: a\n".encode("utf-16"), "{file}, line 1: byte 1 of the file is no UTF-8"),
    "all bytes there are": (bytes(range(256)), "{file}, line 2: byte 129 of the file is no UTF-8"),
    "50 MB": (b"run: " + b"a" * 50_000_000 + b"\n", "{file}: has 50000006 bytes, and must have at most 1000000"),
    "folder for a file": (None, "{file}: is no file"),
    "no file": (..., "{file}: there is no such file"),
}


def write(path, content):
    """Make the file of a case at `path`; None makes a folder, ... nothing."""
    if content is None:
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_text(content, encoding="utf-8", newline="")


def named(told):
    """What a message names."""
    return (
        "the file and the line" if re.match(r"\{file\}, line", told) else "the file" if "{" in told[:6] else "the key"
    )
