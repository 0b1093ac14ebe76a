"""Whether a campaign is any good: how often its goal is reached with it and without, and how sure that is. Pure.

Compared is by intention to treat: everybody for whom an episode began, whether a message arrived or not, against everybody
who was held out. These two differ by a draw alone. Those who were really sent something differ from the others by more:
they have consented, can be reached, and were awake.
"""

from dataclasses import dataclass
from itertools import combinations, groupby
from typing import NamedTuple

from services.cli.campaign.tally import UNKNOWN_STEP, Rate, Samples, Tally, Wording
from services.cli.rules.forecasting.proportions import Share, difference
from services.cli.terminal import many
from services.contracts.durations import format_ms

_OFTEN = 1.2
"""Episodes to a customer from which on intervals are noticeably too narrow."""
_NEVER = -1


class Window(NamedTuple):
    """The goal, and how long it may take after the beginning. `within_ms` None: not known, or there is none.

    `declared`: it is read from rule files; else it is as long as the slowest goal that was seen. `event` may be empty.
    """

    within_ms: int | None
    event: str = ""
    declared: bool = False

    def __str__(self) -> str:
        if self.within_ms is None:
            return "none" if self.declared else "not known"
        event = self.event or "the goal"
        return f"{event} within {format_ms(self.within_ms)}"


class Arm(NamedTuple):
    """One wording of a step that has several: `drawn` for whom it was chosen, `took` to whom it was sent."""

    wording: Wording
    drawn: Rate
    took: Rate


class Pair(NamedTuple):
    """Two wordings of a step: how much more often the goal is reached with the first, among those drawn."""

    one: Wording
    other: Wording
    lift: Share | None


@dataclass(frozen=True)
class Results:
    """`acted` against `held_out`, and those of `acted` that something was sent to. `verdict` is a sentence."""

    window: Window
    acted: Rate
    held_out: Rate
    took: Rate
    lift: Share | None
    arms: tuple[Arm, ...]
    pairs: tuple[Pair, ...]
    verdict: str
    remarks: tuple[str, ...]


def results(tally: Tally, window: Window, end_ms: int) -> Results:
    """As of `end_ms` (Unix ms): only episodes whose time for the goal was over by then are counted."""
    if window.within_ms is None and not window.declared and tally.longest_ms >= 0:
        window = Window(tally.longest_ms)
    last_ms = _NEVER if window.within_ms is None else end_ms - window.within_ms

    def rate(samples: Samples) -> Rate:
        return samples.rate(last_ms)

    acted, held_out = rate(tally.acted), rate(tally.held_out)
    lift = difference(acted.share, held_out.share)
    arms = [
        Arm(wording, rate(said.drawn), rate(said.took))
        for wording, said in tally.wordings().items()
        if wording.step != UNKNOWN_STEP and wording.variant
    ]
    pairs = [
        Pair(one.wording, other.wording, difference(one.drawn.share, other.drawn.share))
        for _, step in groupby(arms, lambda arm: arm.wording.step)
        for one, other in combinations(step, 2)
    ]
    return Results(
        window,
        acted,
        held_out,
        rate(tally.took),
        lift,
        tuple(arms),
        tuple(pairs),
        _verdict(tally, window, acted, lift) if tally.begun else "No episode began in this time.",
        tuple(_remarks(tally, window, acted, held_out)),
    )


def points(part: float) -> str:
    """`+1.5`: percentage points."""
    return f"{part * 100:+.1f}"


def told(lift: Share | None) -> str:
    """Whether an interval says anything: `more often`, `less often`, or `not enough to tell`."""
    if lift is None:
        return "nothing to compare"
    if lift.low > 0:
        return "more often"
    return "less often" if lift.high < 0 else "not enough to tell"


def _verdict(tally: Tally, window: Window, acted: Rate, lift: Share | None) -> str:
    if window.within_ms is None and window.declared:
        return "The campaign has no goal, so nothing says whether it works."
    if window.within_ms is None:
        return "No goal was reached; whether there is one, the rule files say: name them with --rules."
    if not len(tally.held_out):
        return "There is no control group (holdout), so nobody knows what would have happened without the campaign."
    if lift is None:
        which = "no episode of the control group" if acted.decided else "no episode that acted"
        return f"Nothing to compare yet: there is {which} whose time for the goal is over."
    least, most = sorted((abs(lift.low) * 100, abs(lift.high) * 100))
    by = f"by {least:.1f} to {most:.1f} percentage points (95 %)"
    reach = f"{points(lift.low)} to {points(lift.high)} percentage points (95 %)"
    return {
        "more often": f"It works: with the campaign the goal is reached more often, {by}.",
        "less often": f"It does harm: with the campaign the goal is reached less often, {by}.",
    }.get(told(lift), f"Not enough to tell: the difference may be anything from {reach}, and so none at all.")


def _remarks(tally: Tally, window: Window, acted: Rate, held_out: Rate) -> list[str]:
    said = []
    if window.within_ms is not None and not window.declared:
        said.append(
            f"the goal's window is not known without rule files: it is taken to be {format_ms(window.within_ms)}, as long "
            "as the slowest goal that was seen; --rules says it exactly"
        )
    left = acted.open + held_out.open
    if left and window.within_ms is not None:
        early = acted.early + held_out.early
        said.append(
            f"{many(left, 'episode')} left out of the rates: the time for the goal is not over"
            + (f" ({early:,} of them reached it already)" if early else "")
        )
    for group, samples in (("acted", tally.acted), ("held_out", tally.held_out)):
        people = tally.customers[group]
        if people and len(samples) > _OFTEN * people:
            who = "it acted on" if group == "acted" else "of the control group"
            said.append(
                f"the customers {who} come up {len(samples) / people:.1f} times each; the intervals take episodes for "
                "independent, and are too narrow"
            )
    if tally.shadow:
        said.append(f"{many(tally.shadow, 'episode')} in shadow mode, not counted")
    if tally.before:
        said.append(f"{many(tally.before, 'episode')} begun before what is read, not counted")
    if tally.elsewhere:
        said.append(f"{many(tally.elsewhere, 'message')} of episodes that are not counted")
    if tally.torn:
        said.append(f"{many(tally.torn, 'message')} came to two different ends after a crash; the last one counts")
    if len(tally.versions) > 1:
        said.append(f"the rule had {len(tally.versions)} versions in this time; all are counted together")
    return said
