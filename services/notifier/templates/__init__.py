"""What a message says: texts that people write, per channel and language, and their filling in. Pure."""
