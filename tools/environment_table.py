"""What `make test` and `make verify` said in an environment, as a row of a table, and the table on its page."""

import re

import pandas as pd

BEGIN, END = "<!-- made by tools/environments.py -->", "<!-- end -->"
NAMES = OLDEST, NEWEST = "oldest", "newest"
PACKAGES = ["numpy", "scipy", "torch", "pandas", "matplotlib", "scikit-learn", "snakemake"]
TRIED = ["environment", "commit", "python", *PACKAGES]
TESTS, TABLES = ["passed", "failed", "skipped"], ["identical", "within", "outside"]
CLAIMS = ["claims_agree", "claims", "measurements_agree", "measurements"]
COUNTS = [*TESTS, *TABLES, *CLAIMS]
# How the page tells them.
WORDS = {
    "tests": "{passed:.0f} passed, {failed:.0f} failed, {skipped:.0f} skipped",
    "tables": "{identical:.0f} identical, {within:.0f} within tolerance, {outside:.0f} outside",
    "claims, measurements that agree": "{claims_agree:.0f} of {claims:.0f}, "
    "{measurements_agree:.0f} of {measurements:.0f}",
}


def tests_counted(text):
    """Tests by outcome, an error taken for a failure; ValueError if pytest did not come to its last line."""
    lines = re.findall(r"^=+ (.*) in [\d.]+s\b.*=$", text, flags=re.MULTILINE)
    if not lines:
        raise ValueError("make test ended before its tests did")
    counts = {word.removesuffix("s"): int(number) for number, word in re.findall(r"(\d+) (\w+)", lines[-1])}
    counts["failed"] = counts.get("failed", 0) + counts.get("error", 0)
    return {outcome: counts.get(outcome, 0) for outcome in TESTS}


def run_compared(text):
    """What `make verify` says of tables, claims and their measurements; ValueError if it did not come to its end."""
    studies = re.findall(r"^\w+ +\d+ +(\d+) +(\d+) +(\d+)  ", text, flags=re.MULTILINE)
    agreeing = re.findall(r"^(\d+) of (\d+) (?:claims|measurements of claims) agree\.$", text, flags=re.MULTILINE)
    if not studies or len(agreeing) != 2:
        raise ValueError("make verify ended before it had compared the run")
    tables = [sum(map(int, column)) for column in zip(*studies, strict=True)]
    return dict(zip([*TABLES, *CLAIMS], [*tables, *(int(count) for pair in agreeing for count in pair)], strict=True))


def with_row(table, new):
    """The table with an environment's row renewed; counts that `new` lacks stay if the rest of the row is as it was."""
    rows = {row["environment"]: row for row in table.to_dict("records")}
    old = rows.get(new["environment"], {})
    same = all(old.get(column) == new[column] for column in TRIED)
    rows[new["environment"]] = {**(old if same else {}), **new}
    ordered = pd.DataFrame([rows[name] for name in NAMES if name in rows], columns=[*TRIED, *COUNTS])
    return ordered.astype(dict.fromkeys(COUNTS, "Int64"))


def with_table(page, table):
    """The page with its table made again: a column for each environment."""
    rows = {"": table.environment, "Python": table.python, **{name: table[name] for name in PACKAGES}}
    for head, counts in zip(WORDS, (TESTS, TABLES, CLAIMS), strict=True):
        rows[head] = [_told(WORDS[head], row, counts) for row in table.to_dict("records")]
    lines = [f"| {' | '.join([head, *row])} |" for head, row in rows.items()]
    lines.insert(1, "|---" * (1 + len(table)) + "|")
    return "\n".join([page.partition(BEGIN)[0] + BEGIN, "", *lines, "", END + page.partition(END)[2]])


def _told(words, row, counts):
    return "not tried" if pd.isna([row[name] for name in counts]).any() else words.format(**row)
