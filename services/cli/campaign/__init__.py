"""What became of a campaign: whom it reached, whom not and why, and whether it is any good."""
