"""What was tried and what came of it: every test here says so by `tell`, and `make test-long` writes it down."""

from pathlib import Path

import pytest

README = Path(__file__).with_name("README.md")
HEAD = """# What was tried, and what came of it

Written by `make test-long`, which breaks the workflow and feeds it badly on purpose. Nothing may be lost and nothing
wrong may be taken for a result. `make test` runs a part of it, and fails if a row of it is not in here. Wrongs put into
the library itself are in [MUTATIONS.md](MUTATIONS.md).
"""
_rows, _failed = [], []


@pytest.fixture
def tell(request):
    """Function of (group, what was tried, outcome), to call when it has been seen; says nothing of times and places.

    Without --long the row must be in the README, so that it cannot say what the tests do not.
    """

    def told(group, tried, outcome):
        row = [_cell(part) for part in (group, tried, outcome)]
        request.node.user_properties.append(("outcome", row))
        if not request.config.getoption("--long"):
            assert as_row(*row[1:]) in README.read_text(encoding="utf-8"), f"{README.name} lacks {row}: make test-long"

    return told


def pytest_runtest_logreport(report):
    """Collect what the tests told; the process that leads the others gets the reports of all."""
    if report.failed:
        _failed.append(report.nodeid)
    elif report.when == "call":
        _rows.extend(row for name, row in report.user_properties if name == "outcome")


def pytest_sessionfinish(session):
    """Write the README, in the leading process alone."""
    if session.config.getoption("--write-outcomes") and not hasattr(session.config, "workerinput"):
        README.write_text(as_page(_rows, _failed), encoding="utf-8", newline="\n")


def as_page(rows, failed):
    """The README: failures first, then a table for each group; rows in the order of their text."""
    lines = [HEAD, f"{len(rows)} things tried, {len(failed)} of the tests failed.\n"]
    lines += [f"- FAILED: {name}" for name in sorted(failed)] + ([""] if failed else [])
    for group in sorted({row[0] for row in rows}):
        chosen = sorted({(tried, outcome) for name, tried, outcome in rows if name == group})
        lines += [f"## {group}: {len(chosen)}\n", "| tried | outcome |", "| --- | --- |"]
        lines += [*(as_row(*row) for row in chosen), ""]
    return "\n".join(lines)


def as_row(tried, outcome):
    """A row of a table."""
    return f"| {tried} | {outcome} |"


def _cell(text):
    return " ".join(text.split()).replace("|", "\\|")
