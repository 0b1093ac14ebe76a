"""The whole account as one JSON document; instants are RFC 3339 in the business time zone."""

from datetime import datetime
from typing import Any

import msgspec

from services.cli.explain.account import Account
from services.contracts.calendar import from_ms
from services.contracts.decision import Decision
from services.rules.story.explanation import (
    CampaignStanding,
    LadderStanding,
    StepStanding,
    TierStanding,
    name_of,
)
from services.rules.story.findings import Finding, Findings


def document(account: Account, rule: str | None = None, limit: int | None = None) -> dict[str, Any]:
    """What the tree shows, and all conditions of all rules; or of one rule. Without `limit` the whole history."""
    return _Document(account, rule, limit).whole()


class _Document:
    def __init__(self, account: Account, rule: str | None, limit: int | None) -> None:
        self._account = account
        self._rule = rule
        self._limit = limit

    def whole(self) -> dict[str, Any]:
        account, explanation = self._account, self._account.explanation
        coming = account.coming
        fresh = None if account.profile is None or explanation is None else account.profile.fresh_until
        return {
            "customer_id": account.customer_id,
            "at": self._at(account.at),
            "zone": account.zone.key,
            "source": account.source.value,
            "notes": list(account.notes),
            "rules_hash": account.book.hash,
            "rules_differ": explanation is not None and explanation.strange,
            "profile": None if account.profile is None or explanation is None else self._plain(account.profile),
            "ladders": [
                self._ladder(each) for each in (explanation.ladders if explanation else ()) if self._wanted(each.name)
            ],
            "campaigns": [
                self._campaign(each)
                for each in (explanation.campaigns if explanation else ())
                if self._wanted(each.name)
            ],
            "withdrawn": list(explanation.withdrawn) if explanation else [],
            "history": {name: self._history(name) for name in account.rules if self._wanted(name)},
            "next_look": self._ms(explanation.next_ms) if explanation else None,
            "scores_change_at": None if fresh is None else self._at(fresh),
            "coming": None
            if coming is None
            else {
                "until": self._at(coming.until),
                "exact": coming.exact,
                "decisions": [self._decision(decision) for decision in coming.decisions],
            },
        }

    def _wanted(self, name: str) -> bool:
        return self._rule in {None, name}

    def _history(self, rule: str) -> list[dict[str, Any]]:
        decisions = self._account.history(rule)
        return [self._decision(decision) for decision in (decisions[-self._limit :] if self._limit else decisions)]

    def _ladder(self, standing: LadderStanding) -> dict[str, Any]:
        return {
            "name": standing.name,
            "rule": standing.rule,
            "mode": standing.mode.value,
            "tier": standing.tier.name,
            "since": self._ms(standing.since_ms),
            "may_fall_from": self._ms(standing.stay_ms),
            "jumps": standing.jumps,
            "tiers": [self._tier(tier) for tier in standing.tiers],
        }

    def _tier(self, tier: TierStanding) -> dict[str, Any]:
        return {
            "name": tier.name,
            "enter": self._findings(tier.enter),
            "leave": self._findings(tier.leave),
            "open": tier.open,
            "seats": tier.seats,
        }

    def _campaign(self, standing: CampaignStanding) -> dict[str, Any]:
        return {
            "name": standing.name,
            "rule": standing.rule,
            "mode": standing.mode.value,
            "when": self._findings(standing.when),
            "active": standing.active,
            "since": self._ms(standing.since_ms),
            "spoke": standing.spoke,
            "episodes": standing.episodes,
            "fired_at": self._ms(standing.fired_ms),
            "would_be_suppressed": standing.obstacle.value if standing.obstacle else None,
            "exclusive": standing.exclusive,
            "rival": standing.rival,
            "cooldown_until": self._ms(standing.cooldown_ms),
            "running": standing.running,
            "next_step": standing.next_step,
            "due_at": self._ms(standing.due_ms),
            "steps": [self._step(step) for step in standing.steps],
            "until": self._findings(standing.until),
            "goal": standing.goal,
            "goal_until": self._ms(standing.goal_ms),
            "control_group": standing.held_out,
        }

    def _step(self, step: StepStanding) -> dict[str, Any]:
        notify = step.notify
        return {
            "wait_ms": step.wait_ms,
            "notify": None if notify is None else notify.model_dump(mode="json"),
            "when": self._findings(step.when),
        }

    def _findings(self, found: Findings | None) -> dict[str, Any] | None:
        if found is None:
            return None
        conditions = [self._finding(each) for each in found.conditions]
        return {"holds": found.holds, "turns_at": self._ms(found.turn_ms), "conditions": conditions}

    def _finding(self, finding: Finding) -> dict[str, Any]:
        return {
            "condition": finding.text,
            "holds": finding.holds,
            "actual": finding.actual,
            "needs": finding.needs,
            "flips_at": self._ms(finding.flip_ms),
            "pulse": finding.pulse,
            "parts": [self._finding(part) for part in finding.parts],
        }

    def _decision(self, decision: Decision) -> dict[str, Any]:
        # with all keys, whether they say something or not
        told: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(decision))
        return told | {
            "name": name_of(decision.rule),
            "decided_at": self._at(decision.decided_at),
            "expected": decision.id in self._account.expected,
            "messages": [
                {
                    "template": message.template,
                    "command_id": message.command_id or None,
                    "receipt": None if message.receipt is None else self._plain(message.receipt),
                }
                for message in self._account.messages(decision)
            ],
        }

    def _plain(self, struct: msgspec.Struct) -> Any:
        return msgspec.to_builtins(struct)

    def _ms(self, at_ms: int | None) -> str | None:
        return None if at_ms is None else self._at(from_ms(at_ms))

    def _at(self, at: datetime) -> str:
        return at.astimezone(self._account.zone).isoformat()
