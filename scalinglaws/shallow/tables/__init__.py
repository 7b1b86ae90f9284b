"""Tables of the study of shallow networks, one module for each experiment."""
