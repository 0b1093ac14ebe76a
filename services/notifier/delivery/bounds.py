"""How hard a channel is tried."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Bounds:
    """How hard one channel is tried for one command, and when it is given a rest. Seconds, unless it says otherwise."""

    attempts: int = 3
    deadline_s: float = 10.0
    """All attempts of one command at one channel, waits between them included."""
    concurrency: int = 64
    """Commands a channel works on at once: its places."""
    line: int = 1000
    """Commands that may wait for a place; the next one is told at once that the channel is busy."""
    turn_s: float = 5.0
    """Longest wait for a place."""
    retry_after_max_s: float = 10.0
    """A provider that asks for a longer pause is not tried again in this round."""
    wait_first_s: float = 0.1
    wait_max_s: float = 2.0
    wait_jitter_s: float = 0.5
    quota_wait_s: float = 2.0
    """A slot of the provider's quota is waited for so long at most."""
    failures: int = 10
    """Failures in a row after which the channel rests."""
    rest_first_s: float = 10.0
    """The first rest; each one that follows without a success between is twice as long."""
    rest_max_s: float = 300.0

    @property
    def longest_s(self) -> float:
        """The longest that one command can keep one channel's answer waiting."""
        return self.turn_s + self.deadline_s
