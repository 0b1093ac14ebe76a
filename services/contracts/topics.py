"""The topic table: every topic, what it carries, who owns it and who reads it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from services.contracts import wire
from services.contracts.deadletter import MAX_ORIGINAL_BYTES
from services.contracts.inbound import MAX_MESSAGE_BYTES, Inbound

DEFAULT_PARTITIONS = 24
DEAD_LETTER_PARTITIONS = 3

_KIB = 1024
_COMPACTION_LAG_MS = 7 * 24 * 3600 * 1000


@dataclass(frozen=True)
class Topic:
    """One topic. `partitions` None means the deployment's number, the same for every keyed topic.

    `retention` None means compacted: the last value of every key is kept for ever. `max_message_bytes` is what the
    broker accepts; a larger record is refused where it is produced.
    """

    name: str
    about: str
    key: str
    message: Any
    owner: str
    readers: tuple[str, ...]
    retention: timedelta | None
    partitions: int | None = None
    max_message_bytes: int = 1024 * _KIB

    @property
    def cleanup(self) -> Literal["compact", "delete"]:
        return "compact" if self.retention is None else "delete"

    def config(self) -> dict[str, str]:
        """Broker settings of this topic.

        Append time, because retention counts from a record's timestamp: a replay of last year with its own timestamps
        would be deleted at once.
        """
        return {
            # a reader that lags still sees every step, not only the last one
            "min.compaction.lag.ms": str(_COMPACTION_LAG_MS),
            "cleanup.policy": self.cleanup,
            "retention.ms": "-1" if self.retention is None else str(int(self.retention.total_seconds() * 1000)),
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "LogAppendTime",
        }


ORDERS = Topic(
    name="koi.orders",
    about="Orders, refunds, cancellations and amendments as upstream publishes them.",
    key="customer_id (recommended)",
    message=Inbound,
    owner="upstream",
    readers=("ingest",),
    retention=timedelta(days=7),
)
INTERACTIONS = Topic(
    name="koi.interactions",
    about="Interactions and customer updates as upstream publishes them.",
    key="customer_id (recommended)",
    message=Inbound,
    owner="upstream",
    readers=("ingest",),
    retention=timedelta(days=7),
)
EVENTS = Topic(
    name="koi.events",
    about="Valid events in canonical form, the record everything else is derived from.",
    key="customer_id",
    message=wire.EVENTS.kind,
    owner="ingest",
    readers=("scoring",),
    retention=timedelta(days=400),
)
TRANSFERS = Topic(
    name="koi.transfers",
    about="What moves between two customers who turned out to be one: everything known, then late events.",
    key="customer_id",
    message=wire.TRANSFERS.kind,
    owner="scoring",
    readers=("scoring",),
    retention=timedelta(days=7),
    # all that is known of a customer, in one record
    max_message_bytes=4096 * _KIB,
)
CENSUS = Topic(
    name="koi.census",
    about="How many customers of a partition have which recency, frequency and money, at every epoch.",
    key="partition",
    message=wire.CENSUSES.kind,
    owner="scoring",
    readers=("scoring",),
    retention=None,
    partitions=1,
)
CUTOFFS = Topic(
    name="koi.cutoffs",
    about="Every version of the population's cut-offs that scores were made with.",
    key="version",
    message=wire.CUTOFFS.kind,
    owner="scoring",
    readers=("scoring", "analytics"),
    retention=None,
    partitions=1,
)
PROFILES = Topic(
    name="koi.profiles",
    about="A snapshot of a customer's scores at every change.",
    key="customer_id",
    message=wire.PROFILES.kind,
    owner="scoring",
    readers=("rules",),
    retention=None,
)
CLAIMS = Topic(
    name="koi.claims",
    about="Which customers of a partition have the best claims to seats in tiers that have a number of them, at every review.",
    key="partition",
    message=wire.CLAIMS.kind,
    owner="rules",
    readers=("rules",),
    retention=None,
    partitions=1,
    # the best of a whole partition, in one record
    max_message_bytes=4096 * _KIB,
)
SEATS = Topic(
    name="koi.seats",
    about="Who was given a seat in such a tier, at every review.",
    key="version",
    message=wire.SEATS.kind,
    owner="rules",
    readers=("rules", "analytics"),
    retention=None,
    partitions=1,
    # everybody with a seat, in one record
    max_message_bytes=4096 * _KIB,
)
NOTIFICATIONS = Topic(
    name="koi.notifications",
    about="Commands: messages that rules ask the notifier to send.",
    key="customer_id",
    message=wire.COMMANDS.kind,
    owner="rules",
    readers=("notifier",),
    retention=timedelta(days=7),
)
CONTACTS = Topic(
    name="koi.contacts",
    about="Consent, preferences and sealed addresses, for the notifier alone, which passes on those of merged customers.",
    key="customer_id",
    message=wire.CONTACTS.kind,
    owner="ingest",
    readers=("notifier",),
    # an address, even sealed, lies nowhere longer than it must
    retention=timedelta(days=7),
)
FEEDBACK = Topic(
    name="koi.feedback",
    about="What providers tell about messages that were sent: delivered, bounced, unsubscribed.",
    key="customer_id",
    message=wire.FEEDBACK.kind,
    owner="notifier",
    readers=("notifier",),
    retention=timedelta(days=7),
)
SILENCES = Topic(
    name="koi.silences",
    about="Which messages are held back for a while, by whom, and why.",
    key="silence",
    message=wire.SILENCES.kind,
    owner="operators",
    readers=("notifier",),
    retention=None,
    partitions=1,
)
DECISIONS = Topic(
    name="koi.decisions",
    about="Why a rule did, or did not do, something about a customer.",
    key="customer_id",
    message=wire.DECISIONS.kind,
    owner="rules",
    readers=("analytics",),
    retention=timedelta(days=90),
)
RECEIPTS = Topic(
    name="koi.receipts",
    about="What became of every command.",
    key="customer_id",
    message=wire.RECEIPTS.kind,
    owner="notifier",
    readers=("analytics",),
    retention=timedelta(days=90),
)
DEAD_LETTER = Topic(
    name="koi.deadletter",
    about="Records that could not be processed, with the reason, the place and the original bytes.",
    key="as in the original record",
    message=wire.DEAD_LETTERS.kind,
    owner="every service",
    readers=("operators",),
    retention=timedelta(days=30),
    partitions=DEAD_LETTER_PARTITIONS,
    # base64 of the largest original, with its key, headers and envelope
    max_message_bytes=MAX_ORIGINAL_BYTES * 4 // 3 + MAX_MESSAGE_BYTES,
)

TOPICS = (
    ORDERS,
    INTERACTIONS,
    EVENTS,
    TRANSFERS,
    CENSUS,
    CUTOFFS,
    PROFILES,
    CLAIMS,
    SEATS,
    NOTIFICATIONS,
    CONTACTS,
    FEEDBACK,
    SILENCES,
    DECISIONS,
    RECEIPTS,
    DEAD_LETTER,
)
INBOUND = (ORDERS, INTERACTIONS)
