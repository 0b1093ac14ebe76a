"""Playing one test: what is decided between one `expect` and the next, and whether it is that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.cli.rules.testing.first import Setting
from services.cli.rules.testing.matching import Decided, Row, agree, align
from services.cli.rules.testing.models import Act, Case
from services.cli.rules.testing.reasons import Asked, Why, why_not
from services.cli.rules.testing.sets import RuleSet
from services.cli.rules.testing.stage import Entrance, LivedStage, ReadyMadeStage, Refusal, Stage, places
from services.cli.rules.testing.values import local
from services.contracts.calendar import BusinessDays
from services.scoring.config import ScoringConfig
from services.scoring.population import Population
from services.scoring.processor import ScoringProcessor

_PARTITIONS = 1


@dataclass(frozen=True)
class World:
    """What the tests of one file have in common."""

    rules: RuleSet
    setting: Setting
    scoring: ScoringProcessor

    @property
    def zone(self) -> ZoneInfo:
        return self.setting.days.zone


@dataclass(frozen=True)
class Part:
    """What came between two `expect`s, of the rule that the test is about. `act` is the index of the second."""

    act: int
    now: datetime
    rows: Sequence[Row]
    decided: Sequence[Decided]
    agreed: bool
    reasons: Sequence[Why] = ()


@dataclass(frozen=True)
class Played:
    """What became of a test. After a part that is not as expected nothing more is played."""

    case: Case
    parts: Sequence[Part]
    history: Sequence[Decided] = ()
    """What was decided before the test began."""
    refused: str | None = None
    """Why it could not be played on: an event that scoring does not take."""
    failed_act: int | None = field(default=None)
    """Index of the act at which it went wrong."""

    @property
    def passed(self) -> bool:
        return self.failed_act is None


def world(rules: RuleSet, zone: str, config: ScoringConfig) -> World:
    """A business zone and a scoring file for the tests of a rule set."""
    place = _zone(zone)
    population = Population(config, place.zone, _PARTITIONS)
    return World(rules, Setting(place, config), ScoringProcessor(config, place.zone, _PARTITIONS, population))


def play(case: Case, here: World) -> Played:
    """Play a test whose file has no mistakes."""
    return _Play(case, here).run()


def reached(act: Act, now: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) to which an act lets time pass."""
    if act.until is not None:
        return local(act.until, zone).astimezone(UTC)
    return now if act.advance is None else now + act.advance


def begins(case: Case, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which a test begins."""
    return local(case.at, zone).astimezone(UTC)


class _Play:
    def __init__(self, case: Case, here: World) -> None:
        self._case = case
        self._here = here
        self._at = begins(case, here.zone)
        self._stage = _stage(case, here, self._at)

    def run(self) -> Played:
        parts: list[Part] = []
        now = began = self._at
        past = number = 0
        try:
            past = asked = self._stage.begin()
            for number, act in enumerate(self._case.acts):
                now = self._act(act, now)
                if act.expect is None:
                    continue
                part = self._compare(number, act, self._stage.decided[asked:], (began, now))
                parts.append(part)
                if not part.agreed:
                    return Played(self._case, parts, self._stage.decided[:past], failed_act=number)
                asked, began = len(self._stage.decided), now
        except Refusal as refusal:
            return Played(self._case, parts, self._stage.decided[:past], str(refusal), number)
        return Played(self._case, parts, self._stage.decided[:past])

    def _act(self, act: Act, now: datetime) -> datetime:
        then = reached(act, now, self._here.zone)
        if then != now:
            self._stage.pass_until(then)
        if act.event is not None or act.profile is not None:
            self._stage.happen(act.event, act.profile, then)
        return then

    def _compare(self, number: int, act: Act, came: Sequence[Decided], between: tuple[datetime, datetime]) -> Part:
        zone, rule, expected = self._here.zone, self._case.rule, act.expect or []
        decided = [each for each in came if rule in {None, each.rule}]
        if agree(expected, decided, zone):
            rows = [Row(wish, each) for wish, each in zip(expected, decided, strict=True)]
            return Part(number, between[1], rows, decided, agreed=True)
        asked = Asked(self._here.rules, self._stage.state(), *between, zone)
        rows = align(expected, decided, zone)
        missing = [row.expected for row in rows if row.expected is not None and row.decided is None]
        others = [row.decided for row in rows if row.decided is not None and row.expected is None]
        reasons = {why.sentence: why for wish in missing for why in why_not(wish, rule, others, asked)}
        return Part(number, between[1], rows, decided, agreed=False, reasons=list(reasons.values()))


def _stage(case: Case, here: World, at: datetime) -> Stage:
    entrance = Entrance(case.customer or here.rules.customer, at, places(case.tiers, at))
    rules, setting, given = here.rules.processor, here.setting, case.given
    if given.profile is not None:
        return ReadyMadeStage(entrance, rules, setting, given.profile)
    return LivedStage(entrance, rules, here.scoring, setting=setting, history=given.events or ())


@lru_cache(maxsize=16)
def _zone(name: str) -> BusinessDays:
    return BusinessDays(ZoneInfo(name))
