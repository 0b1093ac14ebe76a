"""A year of a real grocer, replayed through the whole pond; `python -m examples.complete_journey`."""
