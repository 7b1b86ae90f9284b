"""Does a run agree with the committed one: tables, claims, files, and the software and processor that made them."""

from scalinglaws.agreement.claims import SHARE, compare_claims, compare_measurements
from scalinglaws.agreement.report import as_text
from scalinglaws.agreement.tables import Deviation, compare_table
from scalinglaws.agreement.tolerances import Tolerance, read_tolerances, tolerance_of
from scalinglaws.agreement.verification import OF_CLAIMS, Results, Verification, verify

__all__ = [
    "OF_CLAIMS",
    "SHARE",
    "Deviation",
    "Results",
    "Tolerance",
    "Verification",
    "as_text",
    "compare_claims",
    "compare_measurements",
    "compare_table",
    "read_tolerances",
    "tolerance_of",
    "verify",
]
