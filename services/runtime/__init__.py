"""How a service lives: settings, topics in and out, the commit protocol, health and metrics. Knows no service."""
