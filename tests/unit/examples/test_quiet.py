"""When the demo believes that the pond is quiet."""

import pytest
from aiokafka.errors import KafkaError

from examples.complete_journey import quiet
from examples.complete_journey.setting import DemoFailed

INPUTS = {"ingest": ("orders", "clicks"), "scoring": ("events",)}


class FakeBacklog:
    """Answers one after the other, the last one for ever."""

    def __init__(self, *answers: quiet.Reach | KafkaError) -> None:
        self.answers = list(answers)

    async def measure(self) -> quiet.Reach:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, KafkaError):
            raise answer
        return answer


class FakeReader:
    def __init__(self, **ends: int) -> None:
        self.ends = ends
        self.drained = 0

    async def drain(self) -> dict[str, int]:
        self.drained += 1
        return self.ends


def reach(ingest: tuple[int, int], scoring: tuple[int, int]) -> quiet.Reach:
    return {"ingest": ingest, "scoring": scoring}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_LOOK_SECONDS", 0.001)


async def test_quiet_is_when_nobody_is_behind() -> None:
    """Every look is reported, a broker that does not answer is asked again."""
    reported: list[quiet.Reach] = []
    done = reach((5, 5), (5, 5))
    await quiet.until_quiet(
        FakeBacklog(reach((5, 5), (0, 2)), KafkaError(), reach((5, 5), (2, 5)), done), reported.append
    )
    assert reported[-1] == done
    assert len(reported) == 4


async def test_an_end_that_the_broker_understates_is_not_believed() -> None:
    """Scoring looks done at 4 of 4, but a reader gets 5 records: it is not."""
    early, done = reach((5, 5), (4, 4)), reach((5, 5), (5, 4))
    backlog, reader = FakeBacklog(early, early, done), FakeReader(orders=3, clicks=2, events=5)
    await quiet.until_settled(backlog, reader, INPUTS, lambda _: None)
    assert reader.drained == 2


async def test_a_stand_still_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is behind, and by how much."""
    monkeypatch.setattr(quiet, "_STALL_SECONDS", 0.01)
    with pytest.raises(DemoFailed, match=r"^nothing has moved for 0 s: scoring 1,000 of 2,000$"):
        await quiet.until_quiet(FakeBacklog(reach((5, 5), (1000, 2000))), lambda _: None)


async def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy it looks."""
    monkeypatch.setattr(quiet, "_LONGEST_SECONDS", -1.0)
    with pytest.raises(DemoFailed, match=r"^not done after .*: scoring 1 of 2$"):
        await quiet.until_quiet(FakeBacklog(reach((5, 5), (1, 2))), lambda _: None)
