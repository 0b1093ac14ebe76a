"""The report of a campaign for machines: JSON, and rows of a table."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from services.cli.campaign.results import Results, told
from services.cli.campaign.tally import UNKNOWN_STEP, Rate, Said, Tally, Wording
from services.cli.deliveries.sums import COLUMNS
from services.cli.rules.forecasting.proportions import Share
from services.cli.scores.rows import Cell
from services.contracts.calendar import from_ms
from services.contracts.receipt import Reason

HEADER = ("campaign", "step", "variant", "template", "outcome", "reason", "messages")


def rows(name: str, tally: Tally) -> Iterator[list[Cell]]:
    """A row for every wording, outcome and reason, in the order of `HEADER`; steps are counted from 1."""
    for wording, said in tally.wordings().items():
        place = [name, _step(wording), wording.variant, wording.template]
        for (standing, reason), count in sorted(said.standings.items()):
            yield [*place, standing.value, "" if reason is Reason.NONE else reason.value, count]
        for kind, count in sorted(said.news.items()):
            yield [*place, kind.value, "", count]


def document(name: str, tally: Tally, found: Results, until: datetime) -> dict[str, Any]:
    """Instants are ISO 8601 in the zone of `until`; the names of groups are those of `koi rules simulate --json`."""
    window, funnel = found.window, tally.funnel
    return {
        "campaign": name,
        "versions": sorted(tally.versions),
        "since": _instant(tally.since_ms, until.tzinfo),
        "until": until.isoformat(),
        "episodes": {
            "begun": len(tally.acted),
            "held_out": len(tally.held_out),
            "suppressed": dict(sorted(tally.suppressed.items())),
            "ended_early": dict(sorted(tally.ended.items())),
            "shadow": tally.shadow,
            "customers": {group: tally.customers[group] for group in ("acted", "held_out")},
        },
        "funnel": {
            "begun": funnel.begun,
            "messaged": funnel.messaged,
            "sent": funnel.sent,
            "delivered": funnel.delivered,
            "reached": funnel.reached,
        },
        "messages": [_messages(wording, said) for wording, said in tally.wordings().items()],
        "left_out": [{"step": step + 1, "messages": count} for step, count in sorted(tally.left_out.items())],
        "goal": {
            "event": window.event or None,
            "within_ms": window.within_ms,
            "from_rule_files": window.declared,
            "treated": _rate(found.acted),
            "holdout": _rate(found.held_out),
            "difference": _share(found.lift),
            "sent": _rate(found.took),
            "variants": [
                {**_wording(arm.wording), "drawn": _rate(arm.drawn), "sent": _rate(arm.took)} for arm in found.arms
            ],
            "pairs": [
                {
                    "step": _step(pair.one),
                    "variant": pair.one.variant,
                    "against": pair.other.variant,
                    "difference": _share(pair.lift),
                    "told": told(pair.lift),
                }
                for pair in found.pairs
            ],
        },
        "told": told(found.lift),
        "verdict": found.verdict,
        "remarks": list(found.remarks),
    }


def _messages(wording: Wording, said: Said) -> dict[str, Any]:
    return {
        **_wording(wording),
        "commands": said.commands,
        **{standing.value: said.at(standing) for standing in COLUMNS},
        "reasons": [
            {"outcome": standing.value, "reason": reason.value, "commands": count}
            for (standing, reason), count in sorted(said.standings.items())
            if reason is not Reason.NONE
        ],
        "news": {kind.value: count for kind, count in sorted(said.news.items())},
    }


def _wording(wording: Wording) -> dict[str, Any]:
    return {"step": _step(wording), "variant": wording.variant or None, "template": wording.template}


def _step(wording: Wording) -> int | None:
    return None if wording.step == UNKNOWN_STEP else wording.step + 1


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "episodes": rate.decided,
        "reached": rate.reached,
        "rate": _share(rate.share),
        "open": rate.open,
        "open_reached": rate.early,
    }


def _share(share: Share | None) -> dict[str, float] | None:
    return None if share is None else {name: round(value, 6) for name, value in share._asdict().items()}


def _instant(at_ms: int | None, zone: tzinfo | None) -> str | None:
    return None if at_ms is None else from_ms(at_ms).astimezone(zone).isoformat()
