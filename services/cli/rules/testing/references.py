"""What a test file says of its rules, and of time: names that there are, and instants that come one after the other."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from services.cli.rules.testing import happening
from services.cli.rules.testing.deed import Deed
from services.cli.rules.testing.models import Act, Case, Expectation, Sheet
from services.cli.rules.testing.playing import World, begins, reached
from services.cli.rules.testing.sets import RuleSet
from services.cli.rules.testing.sketch import Sketch
from services.cli.rules.testing.spans import contradictions, rfm_window, said_spans
from services.cli.rules.testing.stage import instant
from services.contracts.calendar import YEARS
from services.contracts.decision import Outcome
from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem, suggestion

_BEYOND = datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)
"""Stands for every instant that nobody can reckon with."""


def check(sheet: Sheet, document: Document, here: World) -> Iterator[Problem]:
    """Everything wrong with a test file whose shape is right."""
    for i, case in enumerate(sheet.tests):
        checker = _Checker(case, ("tests", i), document, here)
        checker.check()
        yield from checker.problems


class _Checker:
    def __init__(self, case: Case, path: KeyPath, document: Document, here: World) -> None:
        self.problems: list[Problem] = []
        self._case = case
        self._path = path
        self._document = document
        self._here = here
        self._rules: RuleSet = here.rules

    def check(self) -> None:
        case, at = self._case, begins(self._case, self._here.zone)
        if case.rule is not None:
            self._known(case.rule, self._rules.rules, "rule", (*self._path, "rule"))
        self._tiers()
        if case.given.profile is not None:
            self._sketch(case.given.profile, (*self._path, "given", "profile"))
        for i, deed in enumerate(case.given.events or ()):
            self._history(deed, at, (*self._path, "given", "events", i))
        now = at
        for path, act in self._acts():
            if now is not _BEYOND:
                now = self._act(act, path, now)

    def _acts(self) -> Iterable[tuple[KeyPath, Act]]:
        if self._case.script is None:
            return [(self._path, self._case.acts[0])]
        return [((*self._path, "script", i), act) for i, act in enumerate(self._case.acts)]

    def _act(self, act: Act, path: KeyPath, now: datetime) -> datetime:
        try:
            then = reached(act, now, self._here.zone)
        except OverflowError:
            then = _BEYOND
        if then < now:
            shown = now.astimezone(self._here.zone)
            self._note(
                (*path, "until"), "bad_value", f"time does not run back: it is {shown:%Y-%m-%d %H:%M:%S} by then"
            )
            then = now
        if then.year not in YEARS:
            self._note(path, "bad_value", f"time passes beyond the year {YEARS[-1]}")
            return _BEYOND
        if act.event is not None:
            if act.event.at is not None:
                self._note(
                    (*path, "event", "at"), "bad_value", "this event happens now; write advance or until for later"
                )
            self.problems += happening.problems(act.event, then, self._document, (*path, "event"))
        if act.profile is not None:
            if self._case.given.profile is None:
                self._note_key((*path, "profile"), "only a customer given as a profile has one; here events make it")
            self._sketch(act.profile, (*path, "profile"))
        for i, expectation in enumerate(act.expect or ()):
            self._expectation(expectation, (*path, "expect", i))
        return then

    # --- the customer

    def _tiers(self) -> None:
        for ladder, standing in self._case.tiers.items():
            path = (*self._path, "tiers", ladder)
            known = self._rules.ladders.get(ladder)
            if known is None:
                self._known(ladder, self._rules.ladders, "ladder", path, at_key=True)
            else:
                self._known(standing.tier, [tier.name for tier in known.tiers], "tier", (*path, "tier"))

    def _sketch(self, sketch: Sketch, path: KeyPath) -> None:
        width = self._here.setting.config.window_days
        for window, said in contradictions(said_spans(sketch, width)):
            self._note((*path, "windows", window), "contradiction", said)
        same = sketch.windows.get(rfm_window(width))
        for key in ("orders", "net_minor"):
            twice = getattr(same, key, None)
            if sketch.says(key) and twice not in {None, getattr(sketch, key)}:
                said = f"{key} is {getattr(sketch, key)}, but {twice} in its window {rfm_window(width)}"
                self._note((*path, "windows", rfm_window(width), key), "contradiction", said)
        if width is not None and sketch.recency_days is not None and sketch.recency_days >= width:
            said = (
                f"an order so long ago is not in the window of {width} days: recency_days is unknown then, write null"
            )
            self._note((*path, "recency_days"), "contradiction", said)
        if sketch.says("recency_days") and sketch.recency_days is None and sketch.orders:
            said = "recency_days is unknown only without an order in the window; write orders: 0"
            self._note((*path, "recency_days"), "contradiction", said)
        first_day, last_day = sketch.days_since_first_order, sketch.recency_days
        if first_day is not None and last_day is not None and first_day < last_day:
            said = f"the first order was {first_day} days ago, but the last {last_day}"
            self._note((*path, "days_since_first_order"), "contradiction", said)

    def _history(self, deed: Deed, at: datetime, path: KeyPath) -> None:
        happened = instant(deed, at, self._here.zone).astimezone(UTC)
        if happened > at:
            self._note((*path, "at"), "bad_value", "this is later than the test begins; write it into the script")
        elif isinstance(deed.at, timedelta) and happened.year not in YEARS:
            self._note((*path, "at"), "bad_value", f"the year must lie between {YEARS[0]} and {YEARS[-1]}")
            return
        self.problems += happening.problems(deed, happened, self._document, path)

    # --- expectations

    def _expectation(self, wish: Expectation, path: KeyPath) -> None:
        name = wish.rule or self._case.rule
        if wish.rule is not None:
            self._known(wish.rule, self._rules.rules, "rule", (*path, "rule"))
            if self._case.rule in self._rules.rules and wish.rule != self._case.rule:
                said = f"this test looks at {self._case.rule} only, and never sees a decision of {wish.rule}"
                self._note((*path, "rule"), "contradiction", said)
        if name is not None and wish.kind is not None:
            self._outcome(name, wish.kind, path)
        rules = [name] if name in self._rules.rules else list(self._rules.rules)
        for key, tier in (("from", wish.from_), ("to", wish.to)):
            ladders = [self._rules.ladders[rule] for rule in rules if rule in self._rules.ladders]
            if tier is not None:
                self._known(tier, [t.name for ladder in ladders for t in ladder.tiers], "tier", (*path, key))
        says = [template for rule in rules for template in self._rules.templates[rule]]
        if wish.template is not None:
            self._known(wish.template, says, "template", (*path, "template"))
        if wish.variant is not None:
            variants = [variant for rule in rules for variant in self._rules.variants[rule]]
            self._known(wish.variant, variants, "variant", (*path, "variant"))
        for i, template in enumerate(wish.templates or ()):
            self._known(template, says, "template", (*path, "templates", i))

    def _outcome(self, rule: str, outcome: Outcome, path: KeyPath) -> None:
        jumps = outcome in {Outcome.PROMOTED, Outcome.DEMOTED}
        if rule in self._rules.ladders and not jumps:
            self._note(
                path, "contradiction", f"{rule} is a ladder: its outcome is promoted or demoted, never {outcome}"
            )
        elif rule in self._rules.campaigns and jumps:
            self._note(path, "contradiction", f"{rule} is a campaign: only a ladder has the outcome {outcome}")

    def _known(self, name: str, known: Iterable[str], what: str, path: KeyPath, *, at_key: bool = False) -> None:
        names: Sequence[str] = list(known)
        if name not in names:
            place = self._document.key_place(path) if at_key else self._document.place(path)
            said = f"there is no {what} {name} in these rules{suggestion(name, names)}"
            self.problems.append(Problem(place, f"unknown_{what}", said))

    def _note(self, path: KeyPath, code: str, message: str) -> None:
        self.problems.append(Problem(self._document.place(path), code, message))

    def _note_key(self, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(self._document.key_place(path), "unknown_key", message))
