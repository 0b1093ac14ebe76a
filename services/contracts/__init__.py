"""Everything the services know of each other: what crosses a topic, and the topics themselves.

Pure: no I/O, no settings, no clock.
"""
