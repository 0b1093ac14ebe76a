"""The `koi` command: the only place that knows all services, and it imports each only when it is asked for."""
