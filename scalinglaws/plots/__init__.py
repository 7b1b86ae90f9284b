"""Figures, one module each: `TABLES` names the tables that `draw` takes as keyword arguments; it returns a Figure.

The only modules that import matplotlib; they see saved tables and nothing else.
"""
