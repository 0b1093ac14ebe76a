"""The whole account as a tree for a terminal."""

from rich.text import Text
from rich.tree import Tree

from services.cli.explain.account import Account
from services.cli.explain.campaigns import Rank, add_campaign, headline, rank
from services.cli.explain.history import add_history
from services.cli.explain.ladders import add_ladder
from services.cli.explain.phrases import Phrases
from services.contracts.calendar import to_ms_up
from services.contracts.decision import Decision
from services.rules.story.explanation import CampaignStanding, Explanation, LadderStanding, standings


def picture(account: Account, rule: str | None = None, limit: int | None = None) -> Tree:
    """Everything, or everything about one rule; of each rule's history the last `limit` decisions."""
    return _Picture(account, limit).tree(rule)


class _Picture:
    def __init__(self, account: Account, limit: int | None) -> None:
        self._account = account
        self._limit = limit
        profile = account.profile
        self._phrases = Phrases(
            account.zone,
            "" if profile is None else profile.currency,
            None if profile is None else profile.fresh_until,
        )
        head = (
            Text()
            .append(account.customer_id, "bold")
            .append(f" · {self._phrases.at(account.at)} {account.zone.key}", "not bold")
        )
        self._tree = Tree(head, guide_style="dim")

    def tree(self, rule: str | None) -> Tree:
        account, explanation = self._account, self._account.explanation
        for note in account.notes:
            self._tree.add(Text(f"! {note}", "yellow"))
        if account.profile is not None and explanation is not None:
            scene = explanation.scene
            self._tree.add(Text(self._phrases.profile(account.profile, scene.recency_days, scene.activity)))
            self._tree.add(Text(self._phrases.trade(account.profile)))
        if rule is not None:
            self._one(rule)
        elif explanation is not None:
            self._all(explanation)
        else:
            for name in account.rules:
                if account.history(name):
                    self._past(name, detail=False)
        if explanation is not None:
            self._ahead(explanation)
        return self._tree

    def _one(self, rule: str) -> None:
        explanation = self._account.explanation
        standing = None
        if explanation is not None:
            standing = next((each for each in standings(explanation) if each.name == rule), None)
        if standing is None:
            self._past(rule, detail=True)
        else:
            self._standing(standing, detail=True)

    def _all(self, explanation: Explanation) -> None:
        for ladder in explanation.ladders:
            self._standing(ladder, detail=False)
        ranked = [(rank(each, past=self._last(each.name) is not None), each) for each in explanation.campaigns]
        for place, campaign in sorted(ranked, key=lambda pair: pair[0]):
            if place is Rank.REST:
                self._tree.add(headline(campaign, self._phrases))
            else:
                self._standing(campaign, detail=False)
        for name in explanation.withdrawn:
            self._past(name, detail=False)

    def _standing(self, standing: LadderStanding | CampaignStanding, *, detail: bool) -> None:
        if isinstance(standing, LadderStanding):
            branch = add_ladder(self._tree, standing, self._phrases, detail=detail)
        else:
            last = self._last(standing.name)
            branch = add_campaign(self._tree, standing, self._phrases, last, detail=detail)
        add_history(branch, self._account, standing.name, self._phrases, limit=self._limit, detail=detail)

    def _past(self, rule: str, *, detail: bool) -> None:
        """A rule of which only the history is known."""
        book = self._account.book
        kinds = dict.fromkeys((ladder.name for ladder in book.ladders), "ladder")
        kinds |= dict.fromkeys((campaign.name for campaign in book.campaigns), "campaign")
        branch = self._tree.add(Text().append(rule, "bold").append(f" ({kinds.get(rule, 'not in these files')})"))
        add_history(branch, self._account, rule, self._phrases, limit=self._limit, detail=detail, last=True)

    def _ahead(self, explanation: Explanation) -> None:
        coming, phrases = self._account.coming, self._phrases
        self._tree.add(Text(self._next_look(explanation)))
        if coming is None:
            return
        head = "if nothing happens:" if coming.exact else "if nothing happens, and scores stay as they are:"
        if not coming.decisions:
            self._tree.add(Text(f"{head} no decision until {phrases.at(coming.until)}"))
            return
        branch = self._tree.add(Text(head))
        for decision in coming.decisions:
            rule = decision.rule.partition("@")[0]
            messages = "".join(
                f" → {phrases.message(message, decision, known=False)}" for message in self._account.messages(decision)
            )
            branch.add(Text(phrases.decision(decision)).append(f" {rule}", "bold").append(messages, "green"))

    def _next_look(self, explanation: Explanation) -> str:
        """The rules look when their own timer rings, and when time changes the scores."""
        fresh = None if self._account.profile is None else self._account.profile.fresh_until
        fresh_ms = None if fresh is None or fresh <= self._account.at else to_ms_up(fresh)
        looks = [at_ms for at_ms in (explanation.next_ms, fresh_ms) if at_ms is not None]
        if not looks:
            return "time alone will change nothing"
        said = f"next look by time alone: {self._phrases.at(min(looks))}"
        return said if fresh_ms is None else f"{said} (scores may change on {self._phrases.at(fresh_ms)})"

    def _last(self, rule: str) -> Decision | None:
        decisions = self._account.history(rule)
        return decisions[-1] if decisions else None
