"""What stands around `koi score`: event files in; scores as CSV, and a report, out.

The core that scores is in `services.scoring`; nothing here knows how a score comes about.
"""
