"""The shell study's experiments: each module lists its members (one seed at one setting) and runs one of them."""
