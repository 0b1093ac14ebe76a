"""One customer under a rule set: what is decided, what is remembered, and when to look again."""
