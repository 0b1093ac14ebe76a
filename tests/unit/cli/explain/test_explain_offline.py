"""A replay of files: whose events count, and where everybody's do."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cli.explain.account import Account, NobodyThere
from services.cli.explain.offline import Files, offline_account
from services.contracts.calendar import to_ms
from services.contracts.decision import Outcome
from services.rules.story.explanation import CampaignStanding, standings
from services.scoring.config import ScoringConfig
from tests.flow.histories import CUSTOMERS, histories
from tests.flow.said import after, paid
from tests.unit.cli.explain.asked import HISTORY, RULES, opened
from tests.unit.rules.customers import campaign


def quantile(files: Files) -> Files:
    scoring = ScoringConfig.model_validate({"method": "quantile"})
    return Files(files.events, files.texts, files.book, scoring, files.zone)


def told(account: Account) -> list[tuple[str, str, int]]:
    return [(each.rule, each.outcome.value, to_ms(each.decided_at)) for each in account.decisions]


def test_everybody_counts_only_where_they_are_compared(tmp_path: Path) -> None:
    """By quantiles, or where a rule asks who is a super user."""
    files = opened(tmp_path)
    assert not files.all_count()
    assert quantile(files).all_count("win-back")
    others = [campaign("super_user", name="asks"), campaign("super_user", name="rival", exclusive="attention")]
    asking = opened(tmp_path, rules=f"{RULES}---\n{others[0]}")
    assert asking.all_count()
    assert asking.all_count("no such rule")
    assert [asking.all_count(name) for name in ("asks", "win-back", "community")] == [True, False, False]
    rival = opened(tmp_path, rules=f"{RULES}---\n{others[1]}")
    assert [rival.all_count(name) for name in ("win-back", "会员日", "community")] == [True, True, False]
    seats = RULES.replace("m >= 4]", "m >= 4]\n    capacity: {max: 3, rank_by: m, review: daily}")
    asks = campaign('tier("community") == "核心"', name="asks")
    seated = opened(tmp_path, rules=f"{seats}---\n{asks}")
    assert [seated.all_count(name) for name in ("community", "win-back", "asks")] == [True, False, True]


def test_both_ways_say_the_same(tmp_path: Path) -> None:
    """Where nobody is compared, a replay of everybody decides what a replay of one does."""
    files = opened(tmp_path)
    alone = offline_account("客户-42", files, at=after(121))
    asking = RULES + "---\n" + campaign("super_user", "recency_days >= 300", name="asks")
    together = offline_account("客户-42", opened(tmp_path, rules=asking), at=after(121))
    assert told(alone) == told(together)
    assert together.coming is not None
    assert not together.coming.exact
    assert alone.profile is not None
    assert together.profile is not None
    assert alone.profile.orders == together.profile.orders == 5


def test_super_users_are_those_of_the_population(tmp_path: Path) -> None:
    """The best of many is one; alone in the file nobody would be."""
    messages = [paid(f"客户-{n}", f"o{n}", after(n / 10), 1000 * (n + 1)) for n in range(20)]
    account = offline_account("客户-19", opened(tmp_path, messages, campaign("super_user")), at=after(5))
    assert account.profile is not None
    assert account.profile.super_user
    assert [each.outcome for each in account.decisions] == [Outcome.FIRED]
    other = offline_account("客户-1", opened(tmp_path, messages, campaign("super_user")), at=after(5))
    assert other.decisions == ()
    with pytest.raises(NobodyThere, match="was never seen"):
        offline_account("客户-99", opened(tmp_path, messages, campaign("super_user")), at=after(5))


def test_events_that_cannot_be_folded_are_noted(tmp_path: Path) -> None:
    """An order in another currency counts for nothing, and is told."""
    account = offline_account("客户-42", opened(tmp_path, [*HISTORY, paid("客户-42", "$", after(90), currency="USD")]))
    assert account.notes[0].startswith("1 event cannot be folded: ")
    with pytest.raises(NobodyThere, match="none of the events of 戊 could be used"):
        offline_account("戊", opened(tmp_path, [paid("戊", "$", after(90), currency="USD")]))


@given(histories(largest=12), st.sampled_from(CUSTOMERS), st.integers(0, 100))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_foretold_comes_true(
    tmp_path: Path, history: list[dict[str, object]], customer: str, days: int
) -> None:
    """Of any history: if nothing happens, the decisions come as foretold, and no campaign turns before it was said to."""
    at = after(90 + days)
    try:
        account = offline_account(customer, opened(tmp_path, history), at=at)
    except NobodyThere:
        return
    assert account.coming is not None
    assert account.explanation is not None
    foretold = [decision.id for decision in account.coming.decisions]
    later = offline_account(customer, opened(tmp_path, history), at=at + timedelta(days=400))
    made = [decision for decision in later.decisions if decision.decided_at > at]
    assert [decision.id for decision in made[:5]] == foretold
    profile = account.explanation.scene.profile
    fresh_ms = None if profile.fresh_until is None else to_ms(profile.fresh_until)
    for standing in standings(account.explanation):
        if not isinstance(standing, CampaignStanding) or standing.active or standing.when.turn_ms is None:
            continue
        if fresh_ms is None or standing.when.turn_ms < fresh_ms:
            first = next(decision for decision in made if decision.rule == standing.rule and decision.step is None)
            assert to_ms(first.decided_at) == standing.when.turn_ms
