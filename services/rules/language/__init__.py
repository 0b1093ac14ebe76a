"""What a condition is: words, grammar, types, features, and how time changes them. Knows no rule."""
