"""`koi explain` of event files, as a person types it."""

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.unit.cli.explain.asked import koi, offline, written

AT = "2025-06-30"
TREE = """\
客户-42 · 2025-06-30 23:59 Asia/Shanghai
├── 一般挽留 (r 3 f 3 m 3) · last order 51 days ago · activity 0.3 · tags vip, 会员日
├── 5 orders, 880.00 CNY · in 365 days: 5 orders, 880.00 CNY · buys every 19.7 days
├── community (ladder): 外围 since 2025-06-09 00:00
│   ├── ▲ 影响: not yet: activity is 0.349, needs 5, or recency_days is 51, needs <= 7
│   │   ├── ✓ f >= 2  f = 3
│   │   └── ✗ any:
│   │       ├── ✗ activity >= 5      activity = 0.349
│   │       └── ✗ recency_days <= 7  recency_days = 51
│   └── history
│       ├── … 1 earlier: --rule community shows it
│       ├── 2025-04-13 00:00 ▼ 影响 → 外围 (time)
│       ├── 2025-05-10 12:00 ▲ 外围 → 影响 (own event) → 升级祝贺
│       └── 2025-06-09 00:00 ▼ 影响 → 外围 (time)
├── win-back (campaign): true since 2025-06-24 00:00, and has done its part: it begins again only
│   after it was false
│   ├── ✓ recency_days >= 45           recency_days = 51
│   ├── ✓ not tagged("coupon_hunter")  tagged("coupon_hunter") = no
│   ├── ✓ any: [lifetime_net_minor >= 600 CNY; late]
│   ├── if it became true again: suppressed (cooldown until 2025-07-24 00:00)
│   ├── goal: order.paid, waited for until 2025-07-15 00:00
│   └── history
│       ├── … 2 earlier: --rule win-back shows them
│       ├── 2025-05-10 12:00 goal reached (own event)
│       ├── 2025-06-24 00:00 fired (time) → we_miss_you
│       └── 2025-06-29 00:00 step 3 (time) → coupon_10
├── 会员日 (campaign): not now: orders("90d") is 1, needs 2; schedule: every tuesday at 10:00
│   ├── ✓ tagged("会员日")                  tagged("会员日") = yes
│   ├── ✗ orders("90d") >= 2                orders("90d") = 1
│   ├── ✗ schedule: every tuesday at 10:00  next 2025-07-01 10:00
│   └── history
│       ├── … 4 earlier: --rule 会员日 shows them
│       ├── 2025-06-10 10:00 fired (time) → 会员日邀请
│       ├── 2025-06-17 10:00 fired (time) → 会员日邀请
│       └── 2025-06-24 10:00 suppressed: exclusive (time)
├── big-spender (campaign in shadow mode): not yet: net_minor / orders is 17600, needs 25000
├── next look by time alone: 2025-08-08 00:00 (scores may change on 2025-08-08 00:00)
└── if nothing happens: no decision until 2026-08-04 23:59
"""


def plain(said: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in said.splitlines())


def test_the_whole_tree(tmp_path: Path) -> None:
    """All of one customer, word for word; those merged into it count, and no line is too wide."""
    said = offline(tmp_path, "客户-42", "--at", AT)
    assert plain(said) == TREE
    assert max(cell_len(line) for line in said.splitlines()) <= 100


def test_one_rule_has_everything(tmp_path: Path) -> None:
    """Each decision with its conditions, why it was suppressed, the steps, and what comes of this rule alone."""
    said = offline(tmp_path, "客户-42", "--at", "2025-06-26", "--rule", "win-back")
    assert "running: step 3 of 3 on 2025-06-29 00:00" in said
    assert "2. wait 5d  until 2025-06-29 00:00" in said
    assert "3. notify coupon_10 over webhook, when:" in said
    assert "2025-04-28 00:00 fired (time)" in said
    assert "✓ recency_days >= 45           recency_days = 45" in said
    assert "event paid-o4" in said
    assert "✗ late" in said
    assert "✗ rf_segment in" in said
    assert "community" not in said.replace("--rule community", "")
    assert said.rstrip().endswith("2025-06-29 00:00 step 3 (time) win-back → coupon_10")
    member_day = offline(tmp_path, "客户-42", "--at", AT, "--rule", "会员日", "--limit", "1")
    assert "… 6 earlier" in member_day
    assert "because another campaign of the group has the customer's attention" in member_day


def test_a_rival_keeps_it_silent(tmp_path: Path) -> None:
    """And is named, with its group."""
    said = offline(tmp_path, "客户-42", "--at", "2025-06-26", "--rule", "会员日")
    assert "suppressed (exclusive: win-back of the group attention is running)" in said


def test_the_answer_is_exact_for_any_instant(tmp_path: Path) -> None:
    """What is foretold at an instant is what a later answer tells as history."""
    then = json.loads(offline(tmp_path, "客户-42", "--at", "2025-05-18T09:00", "--json"))
    foretold = then["coming"]["decisions"]
    assert then["coming"]["exact"]
    assert len(foretold) == 5
    later = json.loads(offline(tmp_path, "客户-42", "--at", "2025-12-31", "--json"))
    known = {told["id"]: told for history in later["history"].values() for told in history}
    for decision in foretold:
        again = known[decision["id"]]
        assert decision == again


def test_what_will_flip_is_decided_then(tmp_path: Path) -> None:
    """The instant in the sentence is that of the decision."""
    then = json.loads(offline(tmp_path, "客户-42", "--at", "2025-05-20T09:59", "--rule", "win-back", "--json"))
    (campaign,) = then["campaigns"]
    assert campaign["when"]["turns_at"] == "2025-06-24T00:00:00+08:00"
    assert campaign["when"]["turns_at"] == then["coming"]["decisions"][0]["decided_at"]


def test_the_document_has_always_the_same_keys(tmp_path: Path) -> None:
    """Whatever there is to tell."""
    one = json.loads(offline(tmp_path, "客户-42", "--json"))
    other = json.loads(offline(tmp_path, "丙", "--json", "--rule", "community"))
    assert one.keys() == other.keys()
    assert [ladder["name"] for ladder in one["ladders"]] == ["community"]
    assert [campaign["name"] for campaign in one["campaigns"]] == ["win-back", "big-spender", "会员日"]
    assert {frozenset(told) for told in [*one["history"]["win-back"], *one["history"]["community"]]} == {
        frozenset(one["history"]["win-back"][0])
    }
    assert other["campaigns"] == []
    assert one["at"] == "2025-06-09T12:00:00+08:00", "the newest event of the files, whose ever it is"


@pytest.mark.parametrize(
    ("customer", "at", "sentence"),
    [
        ("乙", AT, "乙 was deleted on 2025-03-10 12:00, and is forgotten"),
        ("旧客户", AT, "旧客户 was merged into 客户-42 on 2025-05-15 12:00; koi explain 客户-42 tells the rest"),
        ("丙", "2025-04-01", "丙 was not seen by then: the first event is of 2025-06-09 12:00"),
        ("丁", AT, "丁 was never seen: no event in these files is of that customer (ids are case-sensitive)"),
    ],
)
def test_nobody_there_is_told_apart(tmp_path: Path, customer: str, at: str, sentence: str) -> None:
    """Forgotten, gone over to another, not yet seen, never seen."""
    assert offline(tmp_path, customer, "--at", at, ends=1).strip() == sentence


def test_an_unknown_rule_is_guessed(tmp_path: Path) -> None:
    """With all that are known."""
    said = offline(tmp_path, "客户-42", "--rule", "win-bak", ends=1)
    assert said.startswith("there is no rule win-bak (did you mean win-back?); known: community, win-back")


def test_mistakes_are_told_in_one_line(tmp_path: Path) -> None:
    """Of options, files, rules and instants."""
    events, rules = written(tmp_path)
    assert "name its files with --events" in koi("甲", "--rules", rules, "--zone", "UTC", ends=1)
    assert "no_file" in koi("甲", "--rules", rules, "--events", tmp_path / "none.jsonl", ends=1)
    assert "is no instant" in koi("甲", "--rules", rules, "--events", events, "--at", "gestern", ends=1)
    rules.write_text("kind: campain", encoding="utf-8")
    assert "did you mean campaign?" in koi("甲", "--rules", rules, "--events", events, ends=1)


def test_lines_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """Beside the answer."""
    events, rules = written(tmp_path)
    with events.open("a", encoding="utf-8") as file:
        file.write("{\n")
    said = koi("丙", "--rules", rules, "--events", events)
    assert "事件.jsonl:12: not_json" in said
    assert "丙 · " in said
