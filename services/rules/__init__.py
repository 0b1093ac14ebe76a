"""The rules service: decides who moves between tiers and who is written to, and says why.

All modules but the wiring are pure: `load_rulebook` turns files into a `Rulebook`, `RulesProcessor` applies it.
"""
