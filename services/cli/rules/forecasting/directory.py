"""What a forecast has to know of a rule set: its rules, and over which channel each of their messages goes."""

from dataclasses import dataclass
from typing import NamedTuple

from services.contracts.channels import Recipient
from services.contracts.decision import Mode
from services.rules.book.rulebook import CampaignRule, LadderRule, Rulebook


class Way(NamedTuple):
    """How a message of a template goes: over its first channel, to whom."""

    channel: str
    recipient: Recipient


@dataclass(frozen=True)
class Directory:
    """By name of rule; ladders first, each kind as the rule set has them."""

    ladders: dict[str, LadderRule]
    campaigns: dict[str, CampaignRule]
    ways: dict[tuple[str, str], Way]
    """By rule and template."""

    @classmethod
    def of(cls, book: Rulebook) -> "Directory":
        ways: dict[tuple[str, str], Way] = {}
        for name, notice in book.notices():
            for template in notice.notify.templates:
                ways.setdefault((name, template), Way(notice.notify.channels[0], notice.notify.to))
        return cls({ladder.name: ladder for ladder in book.ladders}, {c.name: c for c in book.campaigns}, ways)

    @property
    def ids(self) -> dict[str, str]:
        """Name → `name@hash`, of every rule."""
        ladders = {name: ladder.id for name, ladder in self.ladders.items()}
        return ladders | {name: campaign.id for name, campaign in self.campaigns.items()}

    def mode(self, rule: str) -> Mode:
        """Live for a rule that is not there."""
        known = self.ladders.get(rule) or self.campaigns.get(rule)
        return Mode.LIVE if known is None else known.mode

    def channel(self, rule: str, template: str) -> str:
        """Empty for a message that no rule says."""
        way = self.ways.get((rule, template))
        return "" if way is None else way.channel


def name_of(rule: str) -> str:
    """The name in `name@hash`."""
    return rule.partition("@")[0]
