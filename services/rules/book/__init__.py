"""Rule files: their shape, and the rule set that is compiled of them. Knows no customer."""
