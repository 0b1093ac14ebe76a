"""Tiers with a number of seats: who gets them, settled among all partitions."""
