"""The pure core of the notifier: commands come in, and exactly one of its ends goes out for each."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from services.contracts import topics, wire
from services.contracts.channels import Category
from services.contracts.command import Command, CommandMessage, Recall
from services.contracts.contacts import (
    ContactMessage,
    ContactsErased,
    ContactsJoined,
    ContactsMoved,
    ContactsUpdated,
)
from services.contracts.errors import InvalidMessage
from services.contracts.events import ClockTick
from services.contracts.feedback import Feedback, News
from services.contracts.receipt import Reason
from services.contracts.transfer import MAX_HOPS
from services.notifier.customer.settled import key_of
from services.notifier.effects import Delivered, Send
from services.notifier.receipts import news
from services.notifier.state import BLOBS, NotifierState, pack, unpack
from services.notifier.terms import Terms
from services.notifier.turn import Turn, entry_of
from services.runtime.partitioning import partition_of
from services.runtime.processor import Address, Emit, Inbox, Step
from services.runtime.record import Record

NotifierMessage: TypeAlias = CommandMessage | ContactMessage | Feedback
Passed: TypeAlias = ContactsUpdated | ContactsErased | ContactsMoved | Feedback
"""What is passed on from a customer who turned out to be another."""


class NotifierProcessor:
    """Implements `Processor[NotifierState, NotifierMessage]`."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def decode(self, record: Record) -> Inbox[NotifierMessage]:
        """Raise `InvalidMessage` (`malformed`) for what does not belong on its topic, and for empty ids.

        Only commands and ticks move the clock: what is known of a customer may come from far ahead of them.
        """
        value = record.value or b""
        message: NotifierMessage
        match record.topic:
            case topics.CONTACTS.name:
                message = wire.CONTACTS.decode(value)
            case topics.FEEDBACK.name:
                message = wire.FEEDBACK.decode(value)
            case _:
                message = wire.COMMANDS.decode(value)
        if isinstance(message, ClockTick):
            return Inbox("", message.occurred_at, message)
        for name in ("id", "customer_id"):
            if not getattr(message, name, "-"):
                raise InvalidMessage("malformed", f"the {name} is empty")
        match message:
            case Command():
                return Inbox(message.customer_id, message.decided_at, message, occurred_at=message.occurred_at)
            case Recall():
                return Inbox(message.customer_id, message.decided_at, message)
            case _:
                return Inbox(message.customer_id, None, message)

    def load(self, blob: bytes) -> NotifierState:
        return BLOBS.load(blob)

    def dump(self, state: NotifierState) -> bytes:
        return BLOBS.dump(state)

    def apply(
        self,
        state: NotifierState | None,
        message: NotifierMessage,
        record: Record,  # noqa: ARG002 - of the protocol
        now: datetime,
    ) -> Step[NotifierState] | None:
        turn = Turn(state or NotifierState(), now, self._terms)
        match message:
            case Command():
                if turn.state.knows(message):
                    return None
                turn.consider(entry_of(message))
            case Recall():
                _recall(turn, message)
            case ContactsUpdated() | ContactsMoved():
                self._learn(turn, message)
            case ContactsErased():
                self._erase(turn, message)
            case ContactsJoined():
                if not turn.state.was_gone(message.occurred_at):
                    self._hand_over(turn, message)
            case Feedback():
                self._hear(turn, message, now)
        return turn.step()

    def wake(self, state: NotifierState, now: datetime) -> Step[NotifierState] | None:
        """Look again at what has waited long enough, and at what was begun and never heard of."""
        aged = state.aged(now)
        if aged is None:
            return Step(None)
        turn = Turn(aged, now, self._terms)
        for entry in aged.due_at(now):
            turn.consider(entry)
        return turn.step() or Step(aged, due=aged.due())

    def tick(self, message: NotifierMessage) -> Sequence[Emit]:  # noqa: ARG002 - of the protocol
        """Nothing: receipts have no clock to move."""
        return ()

    def settle(
        self, state: NotifierState | None, send: Send, told: Delivered, now: datetime
    ) -> Step[NotifierState] | None:
        """What came of a send; nothing new if the command has its end already."""
        entry = None if state is None else state.waiting.get(key_of(send.command.id))
        if state is None or entry is None:
            return None
        turn = Turn(state, now, self._terms)
        turn.returned(entry, told)
        return turn.step()

    def _learn(self, turn: Turn, message: ContactsUpdated | ContactsMoved) -> None:
        """Something about how to reach a customer; what was said before an erasure is not learnt any more."""
        state = turn.state
        if state.joined is not None:
            self._pass_on(turn, message, state.joined)
        elif state.was_gone(message.occurred_at):
            return
        elif isinstance(message, ContactsUpdated):
            turn.state = msgspec.structs.replace(state, card=state.card.said(message))
        else:
            card, history = unpack(message.state)
            turn.state = msgspec.structs.replace(
                state, card=state.card.union(card), history=state.history.union(history)
            )

    def _hand_over(self, turn: Turn, message: ContactsJoined) -> None:
        """Two customers turned out to be one: all that is known goes to the other, and nothing is sent to this one."""
        state = turn.state
        moved = ContactsMoved(
            customer_id=message.into_id,
            from_id=message.customer_id,
            occurred_at=message.occurred_at,
            state=pack(state.card, state.history),
        )
        _forget(turn, message.occurred_at, "the customer turned out to be another one", joined=message.into_id)
        self._send_over(turn, moved)

    def _erase(self, turn: Turn, message: ContactsErased) -> None:
        """Forget a customer; who turned out to be another is that one, and it is forgotten there."""
        state = turn.state
        if state.joined is not None:
            self._pass_on(turn, message, state.joined)
        elif not state.was_gone(message.occurred_at):
            _forget(turn, message.occurred_at, "the customer is to be forgotten")

    def _hear(self, turn: Turn, feedback: Feedback, now: datetime) -> None:
        """News of a message: said once, and an unsubscription is heeded where the customer is now."""
        state = turn.state
        if key_of(feedback.id) in state.told:
            return
        turn.state = state.heard(feedback.id, now)
        if state.joined is not None:
            self._pass_on(turn, feedback, state.joined)
            return
        if feedback.news is News.UNSUBSCRIBED:
            category = feedback.category or Category.MARKETING
            card = state.card.refused(feedback.channel, category, feedback.occurred_at, feedback.id)
            turn.state = msgspec.structs.replace(turn.state, card=card)
        turn.say(news(feedback, now))

    def _pass_on(self, turn: Turn, message: Passed, into_id: str) -> None:
        """To the customer whom this one turned out to be."""
        hops = message.hops + 1
        if hops > MAX_HOPS:
            raise InvalidMessage("merged_in_a_circle", f"passed on {MAX_HOPS} times, and the customer was merged again")
        self._send_over(turn, msgspec.structs.replace(message, customer_id=into_id, hops=hops))

    def _send_over(self, turn: Turn, message: Passed) -> None:
        there = Address(partition_of(message.customer_id, self._terms.partitions), message.customer_id.encode())
        if isinstance(message, Feedback):
            turn.say(Emit(topics.FEEDBACK.name, wire.FEEDBACK.encode(message), there))
        else:
            turn.say(Emit(topics.CONTACTS.name, wire.CONTACTS.encode(message), there))


def _recall(turn: Turn, recall: Recall) -> None:
    name = recall.rule.partition("@")[0]
    for entry in list(turn.state.waiting.values()):
        command = entry.command
        if command.rule.partition("@")[0] == name and command.episode == recall.episode:
            turn.recall(entry, recall.reason)


def _forget(turn: Turn, at: datetime, why: str, *, joined: str | None = None) -> None:
    turn.state = turn.state.gone(at, joined)
    for entry in list(turn.state.waiting.values()):
        if not entry.begun and entry.command.decided_at <= at:
            turn.call_off(entry, Reason.ERASED, why)
