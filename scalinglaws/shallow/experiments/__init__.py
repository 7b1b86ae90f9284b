"""Experiments of the study of shallow networks: members and what each of them computes."""
