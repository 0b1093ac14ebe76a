"""Scoring: folds the events of a customer into a score, and says when time alone changes it."""
