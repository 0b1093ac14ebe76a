"""Those who do the work of a replay: one shard in this process, or several in processes of their own."""

import multiprocessing
import signal
import traceback
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from services.cli.replay.course import ReplayFailed
from services.cli.replay.plan import Plan
from services.cli.replay.shard import Answer, Order, Shard

MOST_WORKERS = 4
"""Unless more are asked for: this process has to keep up with reading for all of them."""


class Worker(Protocol):
    """Takes orders, and answers each of them in turn."""

    def post(self, order: Order) -> None: ...

    def answer(self) -> Answer:
        """Of the oldest order that was not answered yet; wait for it. Raise `ReplayFailed`."""
        ...

    def close(self) -> None: ...


class Own:
    """A shard in this process: an order is done when it is posted."""

    def __init__(self, plan: Plan) -> None:
        self._shard = Shard(plan)
        self._answers: SimpleQueue[Answer] = SimpleQueue()

    def post(self, order: Order) -> None:
        self._answers.put(self._shard.obey(order))

    def answer(self) -> Answer:
        return self._answers.get()

    def close(self) -> None:
        self._shard.close()


class Distant:
    """A shard in a process of its own, which ends with this one."""

    def __init__(self, plan: Plan) -> None:
        # spawned, not forked: threads are at work here, and the inference engine is not made to be copied
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, plan), daemon=True)
        self._process.start()
        theirs.close()
        self._answers: SimpleQueue[Answer | ReplayFailed] = SimpleQueue()
        # always read, or both sides could wait for each other with full pipes
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def post(self, order: Order) -> None:
        try:
            self._pipe.send(order)
        except OSError:
            # why it is gone is among the answers
            return

    def answer(self) -> Answer:
        found = self._answers.get()
        if isinstance(found, ReplayFailed):
            raise found
        return found

    def close(self) -> None:
        self._process.terminate()
        self._process.join()
        self._reader.join()
        self._pipe.close()

    def _read(self) -> None:
        while True:
            try:
                found = self._pipe.recv()
            except (EOFError, OSError):
                self._answers.put(ReplayFailed("a process of the replay ended; was there too little memory?"))
                return
            self._answers.put(ReplayFailed(found) if isinstance(found, str) else found)


def workers(count: int, plan: Plan) -> list[Worker]:
    """As many as wanted; one alone needs no process. Raise `FileError` for rules with mistakes."""
    return [Own(plan)] if count <= 1 else [Distant(plan) for _ in range(count)]


def _work(pipe: Connection, plan: Plan) -> None:
    """What a process of its own does until nobody asks any more."""
    # Ctrl-C is for the one who started us
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        shard = Shard(plan)
        while True:
            pipe.send(shard.obey(pipe.recv()))
    except EOFError:
        return
    except ReplayFailed as error:
        pipe.send(str(error))
    except Exception:  # noqa: BLE001 - told to the one who waits
        pipe.send(traceback.format_exc())
