"""The ledger of messages: what became of every command, and why."""
