"""Why a rule does, or does not, speak to one customer."""
