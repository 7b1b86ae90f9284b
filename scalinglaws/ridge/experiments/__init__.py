"""Experiments of the ridge study: members and what each of them computes."""
