"""What people do with rule files before anybody is written to."""
