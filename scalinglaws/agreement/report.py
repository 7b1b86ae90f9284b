"""A verification in words: a short table, then what does not agree, then one sentence."""

import math

from scalinglaws.agreement.verification import IDENTICAL, OUTSIDE, WITHIN

# Lines on what does not agree, of each kind; how many more there are is said.
SHOWN = 20
ROW = "{:10}{:>8}{:>11}{:>18}{:>9}  {}"


def as_text(verification):
    """The whole report; its last line says whether the run reproduces."""
    parts = [_terms, _summary, _outside, _claims, _files, _sentence]
    return "\n\n".join("\n".join(part(verification)) for part in parts) + "\n"


def _terms(verification):
    if not verification.conditions:
        return ["Same software and processor as the committed run: exact comparison, every table byte for byte."]
    head = "Not the conditions of the committed run: tables are compared within config/tolerances.yaml."
    return [head, *(f"  {line}" for line in verification.conditions)]


def _summary(verification):
    head = ROW.format("study", "tables", IDENTICAL, WITHIN, OUTSIDE, "largest deviation, in units of its tolerance")
    return [head, *(_study_row(verification, study) for study in dict.fromkeys(map(_study, verification.statuses)))]


def _study(table):
    return table.split("/")[0]


def _study_row(verification, study):
    mine = [status for table, status in verification.statuses.items() if _study(table) == study]
    counts = [mine.count(status) for status in (IDENTICAL, WITHIN, OUTSIDE)]
    largest = next((one for one in verification.deviations if _study(one.table) == study), None)
    return ROW.format(study, len(mine), *counts, f"{_times(largest.ratio)}: {_place(largest)}" if largest else "none")


def _times(ratio):
    return f"{ratio:.2g}" if math.isfinite(ratio) else "not comparable"


def _place(deviation):
    return f"{deviation.table}{f', {deviation.column}, line {deviation.line}' if deviation.column else ''}"


def _outside(verification):
    names = set(verification.disagreeing)
    found = [one for one in verification.deviations if one.table in names and (one.ratio > 1 or _exact(verification))]
    if not names:
        return [f"All {len(verification.statuses)} tables agree."]
    head = f"{len(names)} of {len(verification.statuses)} tables do not agree:"
    return [head, *_shortened([_deviation_line(one) for one in found])]


def _exact(verification):
    return not verification.conditions


def _deviation_line(one):
    numbers = f"{_number(one.here)} here, {_number(one.committed)} committed"
    if not one.column:
        return f"{one.table}: {numbers}"
    rows = f"{one.rows} rows outside" if one.rows else "within tolerance, not identical"
    return f"{_place(one)}: {numbers}, tolerance {one.allowed:.2g} ({rows})"


def _number(value):
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _shortened(lines):
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [f"  {line}" for line in [*lines[:SHOWN], *more]]


def _claims(verification):
    return [
        *_claim_lines(verification.claims, ["id"], "claims agree"),
        *_claim_lines(verification.measurements, ["claim", "quantity", "rows"], "measurements of claims agree"),
    ]


def _claim_lines(compared, keys, words):
    differing = [_claim(row, keys) for row in compared[~compared.agrees].to_dict("records")]
    return [f"{len(compared) - len(differing)} of {len(compared)} {words}.", *_shortened(differing)]


def _claim(row, keys):
    sides = [f"{row[f'verdict {side}']} ({_number(row[f'value {side}'])}) {side}" for side in ("here", "committed")]
    return f"{', '.join(str(row[key]) for key in keys)}: {', '.join(sides)}, tolerance {_number(row['tolerance'])}"


def _files(verification):
    said = [f"All {verification.files} files are as the manifest says."]
    if verification.damaged:
        said = ["Files of the run against its manifest:", *_shortened(verification.damaged)]
    if verification.unlisted:
        said += ["Files that the manifest does not know, left by other settings:", *_shortened(verification.unlisted)]
    return said


def _sentence(verification):
    statuses = list(verification.statuses.values())
    if verification.reproduces:
        tables = ", ".join(f"{statuses.count(one)} {one}" for one in (IDENTICAL, WITHIN) if one in statuses)
        claims = f"{len(verification.claims)} claims with the committed verdicts"
        return [f"It reproduces on this machine: {len(statuses)} tables ({tables}) and {claims}."]
    parts = (
        ("tables", len(verification.disagreeing), len(statuses)),
        ("claims", int((~verification.claims.agrees).sum()), len(verification.claims)),
        ("measurements", int((~verification.measurements.agrees).sum()), len(verification.measurements)),
        ("files", len(verification.damaged), verification.files),
    )
    wrong = [f"{count} of {total} {kind} do not agree" for kind, count, total in parts if count and total]
    unsigned = [] if verification.files else ["its files have no manifest"]
    return [f"It does not reproduce on this machine: {'; '.join([*wrong, *unsigned])}."]
