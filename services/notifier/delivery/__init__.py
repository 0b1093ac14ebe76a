"""From a decided command to an answer, with patience that has an end."""
