"""A customer of the running pipeline: the state in Redis, and the ledgers in Kafka. All is read, and never changed."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from services.cli.explain.account import Account, NobodyThere, Source, distinct
from services.cli.explain.ahead import Standstill, coming, explained
from services.cli.explain.ledger import decisions_about, receipts_about
from services.cli.partition import Progress
from services.contracts.calendar import from_ms, to_ms
from services.contracts.decision import Decision
from services.contracts.errors import Retryable
from services.contracts.receipt import Receipt
from services.rules.book.rulebook import Rulebook
from services.rules.engine.state import BLOBS, RuleState, unpack_profile
from services.runtime.blob import UnreadableState
from services.runtime.partitioning import partition_of
from services.runtime.redis_store import RedisStore, connect
from services.runtime.settings import ClockKind, Settings
from services.scoring.state import BLOBS as SCORING_BLOBS

_RULES, _SCORING = "rules", "score"

ProgressOf = Callable[[str], Progress]
"""By the name of a topic."""


def _unwatched(_topic: str) -> Progress:
    return lambda _done, _total: None


class Ledger(NamedTuple):
    """What Kafka says about a customer; `trouble` is why it says nothing."""

    decisions: tuple[Decision, ...] = ()
    receipts: dict[str, Receipt] | None = None
    trouble: str | None = None


class Found(NamedTuple):
    """What Redis says: the state and the instant that the service's clock shows."""

    state: RuleState | None
    now: datetime
    read: bool
    gone: str | None


async def live_account(
    customer_id: str,
    settings: Settings,
    book: Rulebook,
    *,
    at: datetime | None = None,
    rule: str | None = None,
    progress: ProgressOf = _unwatched,
) -> Account:
    """As of `at`, else of now; what is foretold may be of one `rule`. Raise `StoreUnavailable`, `UnreadableState`, and `NobodyThere` for a customer without a state."""
    found = await found_state(customer_id, settings)
    ledger = await _ledger(customer_id, settings, progress)
    if found.state is None:
        raise NobodyThere(absence(customer_id, settings, found, ledger))
    now = found.now if at is None else at
    account = Account(
        customer_id,
        now,
        settings.tz,
        Source.LIVE,
        book,
        profile=unpack_profile(found.state.profile),
        decisions=tuple(each for each in ledger.decisions if each.decided_at <= now),
        receipts=ledger.receipts,
        notes=(f"{ledger.trouble}: what was decided and sent is not shown",) if ledger.trouble else (),
    )
    return _at(account, found, rule)


def _at(account: Account, found: Found, rule: str | None) -> Account:
    state, at_ms, notes = found.state, to_ms(account.at), account.notes
    assert state is not None  # noqa: S101 - the caller knows
    if state.looked_ms is not None and at_ms < state.looked_ms:
        said = (
            "this is the past: the state of then is not kept, only the decisions with what they saw; "
            "--events replays the customer's events, and gives the exact answer"
        )
        return replace(account, notes=(*notes, said))
    if state.rulebook != account.book.hash:
        said = (
            f"the live state was made by the rule set {state.rulebook}, these files are {account.book.hash}: "
            "conditions are those of the files, what was done is of the live rules"
        )
        notes = (*notes, said)
    with Standstill(account.book, state) as still:
        ahead = account.at > found.now
        if ahead:
            still.advance(account.at)
            notes = (*notes, "this is the future, if nothing happens until then, and with the last scores")
        expected = tuple(still.decisions)
        explanation = explained(account.book, still.state if ahead else state, at_ms)
        due = still.next_due
        if not ahead and due is not None and due < found.now:
            notes = (*notes, "the rules service is behind: a look at this customer is due")
        return replace(
            account,
            explanation=explanation,
            decisions=(*account.decisions, *expected),
            expected=frozenset(decision.id for decision in expected),
            coming=coming(still, account.customer_id, account.at, exact=False, rule=rule),
            notes=notes,
        )


async def found_state(customer_id: str, settings: Settings) -> Found:
    """What Redis knows of a customer now. Raise `StoreUnavailable` and `UnreadableState`."""
    async with AsyncExitStack() as stack:
        client = connect(settings)
        stack.push_async_callback(client.aclose)
        partition = partition_of(customer_id, settings.partitions)
        rules = RedisStore(client, _RULES)
        (blob,) = await rules.load(partition, [customer_id])
        cursor = await rules.cursor(partition)
        gone = None
        if blob is None:
            (scored,) = await RedisStore(client, _SCORING).load(partition, [customer_id])
            gone = None if scored is None else _gone(customer_id, scored)
    now = datetime.now(UTC)
    if settings.clock is ClockKind.EVENT and cursor.watermark_ms is not None:
        now = from_ms(cursor.watermark_ms)
    return Found(None if blob is None else BLOBS.load(blob), now, bool(cursor.positions), gone)


def _gone(customer_id: str, scored: bytes) -> str:
    """What scoring knows of somebody whom the rules do not know."""
    try:
        state = SCORING_BLOBS.load(scored)
    except UnreadableState:
        return f"{customer_id} is known to scoring, and not to the rules"
    if state.merged_into is not None:
        return f"{customer_id} was merged into {state.merged_into}; koi explain {state.merged_into} tells the rest"
    if state.erased_us is not None and state.blank:
        return f"{customer_id} was deleted, and is forgotten"
    return f"{customer_id} is known to scoring, but the rules have not been told yet: is the rules service running?"


def absence(customer_id: str, settings: Settings, found: Found, ledger: Ledger) -> str:
    """Why there is no state of a customer, as far as anybody knows."""
    if found.gone is not None:
        return found.gone
    if ledger.decisions:
        last = ledger.decisions[-1].decided_at.astimezone(settings.tz)
        return f"{customer_id} is forgotten: deleted, or merged into another; the last decision is of {last:%Y-%m-%d %H:%M}"
    partition = partition_of(customer_id, settings.partitions)
    if not found.read:
        return (
            f"{customer_id} was never seen; the rules service has read nothing of partition {partition} at all "
            f"(KOI_PARTITIONS is {settings.partitions})"
        )
    return f"{customer_id} was never seen: there is neither a state nor a decision (ids are case-sensitive)"


async def _ledger(customer_id: str, settings: Settings, progress: ProgressOf) -> Ledger:
    try:
        decisions = distinct(await decisions_about(customer_id, settings, progress("decisions")))
    except Retryable as error:
        return Ledger(trouble=f"Kafka cannot be read ({error})")
    try:
        return Ledger(decisions, await receipts_about(customer_id, settings, progress("receipts")))
    except Retryable as error:
        return Ledger(decisions, trouble=f"receipts cannot be read ({error})")
