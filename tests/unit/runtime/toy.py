"""A small processor with every behaviour the runtime must cope with, and a plain model of what it should do."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.contracts.calendar import from_ms, to_ms, to_ms_up
from services.contracts.errors import InvalidMessage
from services.contracts.events import TICK_KEY, Origin
from services.runtime.errands import Errands
from services.runtime.processor import Address, Emit, Inbox, Step
from services.runtime.record import Output, Record

TOPIC = "toy.in"
OUT = "toy.out"
TOLD = "toy.told"
START_MS = 1_700_000_000_000


@dataclass(slots=True)
class Toy:
    """What is known of a customer: how many steps were taken, and which."""

    steps: int = 0
    trail: list[str] = field(default_factory=list)
    bomb: bool = False


class ToyProcessor:
    """Counts steps; the message's `op` says what else happens."""

    def decode(self, record: Record) -> Inbox[dict[str, Any]]:
        try:
            message = json.loads(record.value or b"")
        except ValueError as error:
            raise InvalidMessage("malformed", str(error)) from error
        if message["op"] == "undecodable":
            raise RuntimeError("the decoder has a bug")
        origin = Origin(*message["origin"]) if "origin" in message else None
        return Inbox(message["customer"], from_ms(message["at"]), message, origin)

    def load(self, blob: bytes) -> Toy:
        return Toy(**json.loads(blob))

    def dump(self, state: Toy) -> bytes:
        return json.dumps({"steps": state.steps, "trail": state.trail, "bomb": state.bomb}).encode()

    def apply(self, state: Toy | None, message: Mapping[str, Any], record: Record, now: datetime) -> Step[Toy] | None:
        op = message["op"]
        if op == "keep":
            return None
        if op == "wrong":
            raise InvalidMessage("wrong", "this operation is wrong")
        if op == "forget":
            return Step(None)
        state = state or Toy()
        step = _step(state, f"{record.offset}@{to_ms(now)}", now)
        if op == "crash":
            raise RuntimeError("after the state was changed")
        state.bomb = op == "bomb"
        if "wait" in message:
            step.due = now + timedelta(milliseconds=message["wait"])
        if op == "effect":
            step.effects = [record.offset]
        if "tell" in message:
            partition, customer = message["tell"]
            step.outputs = [Emit(TOLD, None, Address(partition, customer.encode())), *step.outputs]
        return step

    def wake(self, state: Toy, now: datetime) -> Step[Toy] | None:
        if state.steps % 5 == 4:
            return None
        step = _step(state, f"woken@{to_ms(now)}", now)
        if state.bomb:
            raise RuntimeError("after the state was changed")
        if state.steps % 3 == 0:
            step.due = now  # asks for the present
        if state.steps % 3 == 1:
            step.due = now + timedelta(milliseconds=7)
        return step

    def tick(self, message: Mapping[str, Any]) -> Sequence[Emit]:
        if message["op"] == "crash":
            raise RuntimeError("a tick that cannot be passed on")
        return [Emit(OUT, json.dumps({"tick": message["at"]}).encode())]


def _step(state: Toy, what: str, now: datetime) -> Step[Toy]:
    state.steps += 1
    state.trail.append(what)
    value = {"version": state.steps, "what": what, "now": to_ms(now)}
    return Step(state, outputs=[Emit(OUT, json.dumps(value).encode())])


class ToyEffector:
    """Notes what it performs; `failures` are raised first, one a call. With a `gate` it waits there."""

    def __init__(self, failures: Iterable[Exception] = (), gate: asyncio.Event | None = None) -> None:
        self.performed: list[Any] = []
        self._failures = list(failures)
        self._gate = gate

    def errands(self) -> Errands[Toy]:
        return Errands(self.perform, self.settle)

    async def perform(self, effect: Any) -> Any:
        self.performed.append(effect)
        if self._failures:
            raise self._failures.pop(0)
        if self._gate is not None:
            await self._gate.wait()
        return f"done {effect}"

    def settle(self, state: Toy | None, effect: Any, result: Any, now: datetime) -> Step[Toy] | None:
        assert result == f"done {effect}"
        return _step(state or Toy(), result, now)


def record(offset: int, at: int, op: str = "add", customer: str = "甲", **more: Any) -> Record:
    """A record whose event time is `at` milliseconds after the start."""
    message = {"op": op, "customer": customer, "at": START_MS + at, **more}
    return Record(TOPIC, 0, offset, START_MS + offset, customer.encode() or None, json.dumps(message).encode())


@dataclass(slots=True)
class World:
    """States, timers and everything said: what the model, and a run of the real thing, end with."""

    states: dict[str, Toy] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
    watermark_ms: int | None = None
    outputs: list[tuple[bytes | None, bytes | None]] = field(default_factory=list)
    rejected: list[tuple[str, int]] = field(default_factory=list)
    """Reason and offset (of a timer: its instant)."""


def model(records: Sequence[Record]) -> World:
    """What the records must do on the event clock: one at a time, everything copied, nothing clever."""
    world, toy = World(), ToyProcessor()
    for item in records:
        try:
            inbox = toy.decode(item)
        except InvalidMessage as error:
            world.rejected.append((error.reason, item.offset))
            continue
        assert inbox.at is not None, "everything here moves the clock"
        now_ms = max(to_ms(inbox.at), world.watermark_ms or 0)
        while due := sorted((at, who) for who, at in world.timers.items() if at <= now_ms):
            at_ms, who = due[0]
            del world.timers[who]
            state = _copied(toy, world.states.get(who))
            if state is None:
                continue
            try:
                step = toy.wake(state, from_ms(at_ms))
            except RuntimeError:
                world.rejected.append(("internal_error", at_ms))
                continue
            _take(world, who, step, at_ms, toy)
        world.watermark_ms = now_ms
        if not inbox.customer_id:
            world.outputs += [(TICK_KEY, value) for _, value, _ in toy.tick(inbox.message)]
            continue
        try:
            state = _copied(toy, world.states.get(inbox.customer_id))
            step = toy.apply(state, inbox.message, item, from_ms(now_ms))
        except InvalidMessage as error:
            world.rejected.append((error.reason, item.offset))
        except RuntimeError:
            world.rejected.append(("internal_error", item.offset))
        else:
            _take(world, inbox.customer_id, step, now_ms, toy)
    return world


def _take(world: World, who: str, step: Step[Toy] | None, now_ms: int, toy: ToyProcessor) -> None:
    if step is None:
        return
    world.states.pop(who, None)
    world.timers.pop(who, None)
    if step.state is not None:
        world.states[who] = toy.load(toy.dump(step.state))
        if step.due is not None:
            world.timers[who] = max(to_ms_up(step.due), now_ms + 1)
    world.outputs += [(who.encode(), value) for _, value, _ in step.outputs]


def _copied(toy: ToyProcessor, state: Toy | None) -> Toy | None:
    return None if state is None else toy.load(toy.dump(state))


def said(outputs: Iterable[Output]) -> list[tuple[bytes | None, bytes | None]]:
    """Key and value of the toy's own outputs."""
    return [(output.key, output.value) for output in outputs if output.topic == OUT]
