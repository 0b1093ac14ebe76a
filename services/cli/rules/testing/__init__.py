"""Tests of rules: what a customer is, what happens, and what the rules are to decide about it."""
