"""The benchmark: the four services on real servers, and beside them the floor of bare clients. `python -m tests.bench`."""
