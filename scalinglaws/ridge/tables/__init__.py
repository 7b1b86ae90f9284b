"""Tables of the ridge study, one module for each experiment."""
