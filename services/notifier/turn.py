"""One turn of one customer: the state as it becomes, and what is to be said and done about it."""

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from services.contracts.calendar import to_ms_up
from services.contracts.channels import Recipient
from services.contracts.command import Command, RecallReason
from services.contracts.receipt import DeliveryOutcome, Reason
from services.notifier.customer.history import History
from services.notifier.customer.settled import key_of
from services.notifier.effects import Delivered, Send
from services.notifier.policy.gates import Case, Hold, Later, Pass, decide
from services.notifier.receipts import letter, receipt
from services.notifier.state import NotifierState, Waiting
from services.notifier.terms import Terms
from services.runtime.partitioning import partition_of
from services.runtime.processor import Emit, Step

_RECALLED = {
    RecallReason.GOAL_REACHED: (Reason.GOAL_REACHED, "what the campaign was for has happened"),
    RecallReason.ENDED: (Reason.ENDED, "the episode ended before it could be sent"),
}
MOST_WAITING = 1000
"""Commands of one customer that have no end yet. More would be no messages any more; and each of them is in every commit."""
_LAST_LOOK = timedelta(seconds=30)
"""How long before its expiry a command that waits in vain is tried for the last time."""
_UNSETTLED = "a send was begun and broke off, so it may have arrived"


class Turn:
    """Pure: everything it goes by is in `state`, `now` and `terms`."""

    def __init__(self, state: NotifierState, now: datetime, terms: Terms) -> None:
        self.state = self._before = state
        self._now = now
        self._terms = terms
        self._outputs: list[Emit] = []
        self._effects: list[Send] = []

    def step(self) -> Step[NotifierState] | None:
        """What came of it; None if nothing did."""
        if self.state is self._before and not self._outputs:
            return None
        return Step(self.state, self._outputs, self.state.due(), self._effects)

    def say(self, output: Emit) -> None:
        self._outputs.append(output)

    def consider(self, entry: Waiting) -> None:
        """Decide a command, whether it is new or has waited: send it, hold it back for good, or let it wait."""
        command = entry.command
        if entry.recalled is not None:
            self.call_off(entry, *_RECALLED[entry.recalled])
            return
        if len(self.state.waiting) >= MOST_WAITING and key_of(command.id) not in self.state.waiting:
            self.call_off(entry, Reason.CHANNEL_BUSY, f"{MOST_WAITING} messages about this customer wait already")
            return
        # what was begun counts against others, never against itself
        history = self.state.history.gave_back(key_of(command.id))
        match decide(self._case(command, history, waited=entry.due_ms is not None)):
            case Pass(routes, languages):
                self._begin(entry, Send(self._signed(command), routes, languages, tried=entry.begun))
            case Hold(reason, detail):
                self.call_off(entry, reason, detail)
            case Later(reason, detail, until):
                self._wait(entry, Delivered(DeliveryOutcome.DEFERRED, reason, detail=detail), until)

    def recall(self, entry: Waiting, reason: RecallReason) -> None:
        """A command that waits is not to be sent. One that is being sent cannot be stopped, but is not begun once more."""
        if entry.begun:
            self.state = self.state.waits(msgspec.structs.replace(entry, recalled=reason))
        else:
            self.call_off(entry, *_RECALLED[reason])

    def call_off(self, entry: Waiting, reason: Reason, detail: str) -> None:
        """The end of a command that must not be sent; of one that was begun nobody knows whether it was."""
        if entry.begun:
            detail = f"{_UNSETTLED}; it is not repeated: {detail}"
            self._end(
                entry, Delivered(DeliveryOutcome.FAILED, Reason.AMBIGUOUS, attempts=entry.attempts, detail=detail)
            )
        else:
            self._end(entry, Delivered(DeliveryOutcome.SUPPRESSED, reason, attempts=entry.attempts, detail=detail))

    def returned(self, entry: Waiting, told: Delivered) -> None:
        """What came of a send."""
        told = replace(told, attempts=entry.attempts + told.attempts)
        if told.outcome is not DeliveryOutcome.DEFERRED:
            self._end(entry, told)
            return
        rounds = self._terms.rounds
        back = msgspec.structs.replace(
            entry,
            begun=(),
            deferrals=entry.deferrals + 1,
            # a round in which nothing was tried, because a quota was used up or a channel busy, does not count
            rounds=entry.rounds + (told.attempts > entry.attempts),
            attempts=told.attempts,
        )
        self.state = self._given_back(back)
        pause_s = rounds.pause_s(back.command.id, entry.deferrals, told.retry_in_s)
        if entry.recalled is not None:
            self.call_off(back, *_RECALLED[entry.recalled])
        elif rounds.over(back.rounds):
            self._give_up(back, told, f"{back.rounds} rounds over all its channels were in vain")
        elif (until := self._before_it_expires(back.command, pause_s, told.retry_in_s or 0.0)) is None:
            self._give_up(back, told, "it expires before it could be tried again")
        else:
            self._wait(back, told, until)

    def _before_it_expires(self, command: Command, pause_s: float, least_s: float) -> datetime | None:
        """After the pause, or for a last time shortly before the expiry, if that is not sooner than makes sense."""
        until, last = self._now + timedelta(seconds=pause_s), command.expires_at - _LAST_LOOK
        if until < last:
            return until
        return last if self._now + timedelta(seconds=least_s) < last else None

    def _case(self, command: Command, history: History, *, waited: bool) -> Case:
        terms = self._terms
        return Case(
            command=command,
            card=self.state.card,
            history=history,
            erased_ms=self.state.erased_ms,
            silences=terms.silences(self._now),
            policy=terms.policy,
            staff=terms.staff,
            channels=terms.channels,
            zone=terms.zone,
            now=self._now,
            deferred=waited,
        )

    def _begin(self, entry: Waiting, send: Send) -> None:
        command = entry.command
        lease = self._terms.lease
        history = self.state.history
        if command.recipient is Recipient.CUSTOMER:
            history = history.took(key_of(command.id), command.category, self._now)
        over = dict.fromkeys((*entry.begun, *(route.channel for route in send.routes)))
        lost_at_ms = None if lease is None else to_ms_up(self._now + lease)
        begun = msgspec.structs.replace(entry, begun=tuple(over), due_ms=lost_at_ms)
        self.state = msgspec.structs.replace(self.state, history=history).waits(begun)
        self._effects.append(send)

    def _signed(self, command: Command) -> Command:
        """With the clerk who looks after the customer, whom rules do not know."""
        owner = self.state.card.owner
        return command if owner is None else msgspec.structs.replace(command, params={**command.params, "owner": owner})

    def _wait(self, entry: Waiting, told: Delivered, until: datetime) -> None:
        self.state = self.state.waits(msgspec.structs.replace(entry, due_ms=to_ms_up(until), reason=told.reason))
        if told.reason is not entry.reason:
            self.say(receipt(entry.command, told, self._now, until))

    def _give_up(self, entry: Waiting, told: Delivered, why: str) -> None:
        """Something that was never tried was held back; else it failed."""
        outcome = DeliveryOutcome.FAILED if told.attempts else DeliveryOutcome.SUPPRESSED
        self._end(entry, replace(told, outcome=outcome, detail=f"{told.detail}; {why}".lstrip("; ")))

    def _end(self, entry: Waiting, told: Delivered) -> None:
        command = entry.command
        may_have_arrived = told.outcome is DeliveryOutcome.SENT or told.reason is Reason.AMBIGUOUS
        if not may_have_arrived:
            self.state = self._given_back(entry)
        self.state = self.state.ended(command, self._now)
        self.say(receipt(command, told, self._now))
        if told.outcome is DeliveryOutcome.FAILED and not may_have_arrived:
            self.say(letter(command, told, partition_of(command.customer_id, self._terms.partitions), self._now))

    def _given_back(self, entry: Waiting) -> NotifierState:
        history = self.state.history.gave_back(key_of(entry.command.id))
        return msgspec.structs.replace(self.state, history=history)


def entry_of(command: Command) -> Waiting:
    """A command that has just arrived."""
    return Waiting(command)
