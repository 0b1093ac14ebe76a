"""What rules would do, and what another version of them would do otherwise: forecasts from past events."""
