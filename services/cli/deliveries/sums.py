"""What the lines of the ledger come to, and whether it is whole. Pure."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from services.cli.deliveries.ledger import Line, Standing
from services.cli.terminal import many
from services.contracts.receipt import DeliveryOutcome, Reason

COLUMNS = (Standing.SENT, Standing.SUPPRESSED, Standing.FAILED, Standing.DEFERRED, Standing.PENDING)
"""In the order in which they are told."""
FEW = 5
"""Ids that are named of each kind."""


@dataclass
class Named:
    """How many there are, and the first few of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.first) < FEW:
            self.first.append(name)

    def __str__(self) -> str:
        more = ", …" if self.count > len(self.first) else ""
        return f"{', '.join(self.first)}{more}"


@dataclass
class Sums:
    """Counts of commands. `commands` counts those in the scope, each once; `chosen` what is left of them by a choice.

    `older`: commands from before the first that `koi.notifications` still has, known by their receipts alone. `unheard`:
    receipts of commands that it should have, and has not. `torn`: commands with two different ends. `repeated`: records
    that said again what was known. `strays`: commands of which only a provider's news is known.
    """

    commands: int = 0
    standings: Counter[Standing] = field(default_factory=Counter)
    chosen: Counter[tuple[Standing, Reason]] = field(default_factory=Counter)
    news: Counter[DeliveryOutcome] = field(default_factory=Counter)
    older: int = 0
    unheard: Named = field(default_factory=Named)
    torn: Named = field(default_factory=Named)
    repeated: int = 0
    strays: int = 0

    def add(self, line: Line, choice: Callable[[Line], bool], first_ms: int | None) -> bool:
        """Whether it is chosen. `first_ms`: when the oldest record of `koi.notifications` was appended; None for none."""
        self.commands += 1
        self.standings[line.standing] += 1
        if not line.commanded:
            if first_ms is None or line.subject.decided_ms < first_ms:
                self.older += 1
            else:
                self.unheard.add(line.command_id)
        if line.torn:
            self.torn.add(line.command_id)
        chosen = choice(line)
        if chosen:
            self.chosen[line.standing, line.reason] += 1
            self.news.update(line.news.keys())
        return chosen

    @property
    def whole(self) -> bool:
        """Whether every command is at exactly one place, came to one end, and every end has its command."""
        return self.commands == self.standings.total() and not self.unheard.count and not self.torn.count

    @property
    def equation(self) -> str:
        """`12 commands = 9 sent + 2 suppressed + 0 failed + 1 deferred + 0 pending`."""
        return f"{many(self.commands, 'command')} = " + " + ".join(f"{self.standings[s]:,} {s.value}" for s in COLUMNS)

    @property
    def remarks(self) -> list[str]:
        """What a reader should know of the sums, a sentence each."""
        said: list[str] = []
        if self.torn.count:
            said.append(
                f"{many(self.torn.count, 'command')} came to two different ends, which happens when the notifier is killed "
                f"in the middle; the last one counts: {self.torn}"
            )
        if self.unheard.count:
            said.append(
                f"{many(self.unheard.count, 'command')} has receipts and should be on koi.notifications, but is not: "
                f"{self.unheard}"
            )
        if self.older:
            said.append(
                f"{self.older:,} of these from before the first that koi.notifications still has: known by receipts alone"
            )
        if self.repeated:
            said.append(f"{many(self.repeated, 'record')} said again, after a crash, what was known: counted once")
        if self.strays:
            said.append(
                f"{many(self.strays, 'command')} from before the ledger's first: only a provider's news of them is known"
            )
        return said
