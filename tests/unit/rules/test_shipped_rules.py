"""The rule files that come with Koipond: the default set in deploy/rules, and the presets beside it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.replay.life import Life
from services.contracts.calendar import to_ms
from services.contracts.channels import Category, ChannelName, Recipient
from services.contracts.command import Command
from services.contracts.decision import Outcome
from services.contracts.profile import Octant, Profile, RfSegment, Window
from services.rules.book.compiler import load_rulebook
from services.rules.book.models import Notify
from services.rules.book.rulebook import CampaignRule, Rulebook
from services.rules.processor import RulesProcessor
from services.rules.review import definitions, warnings
from services.runtime.files import read_files
from services.scoring.config import ScoringConfig
from tests.unit.rules.customers import NOON, TODAY, ZONE, profile, windows

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "rules"
PRESETS = sorted(folder for folder in (ROOT / "deploy" / "presets").iterdir() if folder.is_dir())
SETS = [RULES, *PRESETS]
PAGES = ROOT / "docs" / "packs"
QUARANTINE = 'tier("coupon-hunters")'
UNMEASURED = {"first-order-welcome", "second-order", "meet-up", "private-viewing"}
"""Marketing without a control group: what begins with care, or is an invitation."""
NAMES = [folder.name for folder in SETS]
every_set = pytest.mark.parametrize("folder", SETS, ids=NAMES)


@pytest.fixture(scope="module")
def processors() -> Iterator[dict[Path, RulesProcessor]]:
    """Every set, with a seat for everybody."""
    made = {folder: RulesProcessor(load_rulebook(folder), lambda _slot, _customer: True) for folder in SETS}
    yield made
    for processor in made.values():
        processor.close()


@pytest.fixture(scope="module")
def shipped(processors: dict[Path, RulesProcessor]) -> RulesProcessor:
    return processors[RULES]


def begin(rules: RulesProcessor) -> Life:
    return Life(rules, ScoringConfig(), ZONE)


def names(life: Life) -> list[str]:
    """What was begun and where people went; what stayed undone is not told."""
    done = (d for d in life.decisions if d.outcome in {Outcome.FIRED, Outcome.PROMOTED, Outcome.DEMOTED})
    return [d.to_tier or d.rule.partition("@")[0] for d in done]


def notifies(book: Rulebook) -> list[Notify]:
    steps = [step.notify for campaign in book.campaigns for step in campaign.steps]
    jumps = [jump.notify for ladder in book.ladders for jump in ladder.on_jump]
    return [notify for notify in (*steps, *jumps) if notify is not None]


def sells(campaign: CampaignRule) -> bool:
    return any(step.notify is not None and step.notify.category is Category.MARKETING for step in campaign.steps)


# --- all of them


@every_set
def test_it_loads_without_a_warning(folder: Path) -> None:
    """`koi rules check` is clean, hints too."""
    texts = read_files(folder)
    assert warnings(load_rulebook(folder), definitions(texts)) == []


@every_set
def test_it_uses_channels_there_are(folder: Path) -> None:
    """Whoever has only one of them set up is served by each message."""
    known = {name.value for name in ChannelName}
    for notify in notifies(load_rulebook(folder)):
        assert {"webhook", "console"} <= set(notify.channels) <= known, notify.templates


@every_set
def test_its_tests_pass_and_cover_every_rule(folder: Path) -> None:
    """As `koi rules test` sees it."""
    result = CliRunner().invoke(app, ["rules", "test", "--strict", str(folder)])
    assert result.exit_code == 0, result.output


@every_set
def test_every_file_has_tests_beside_it(folder: Path) -> None:
    """And a test file is beside a rule file."""
    files = {file.name for file in folder.iterdir()}
    packs = {name.removesuffix(".yaml") for name in files if not name.endswith("_test.yaml")}
    assert files == {f"{pack}{ending}" for pack in packs for ending in (".yaml", "_test.yaml")}


def test_every_pack_has_a_page() -> None:
    """One for each file of the default set and for each preset; the overview leads to all of them."""
    packs = {file.stem for file in RULES.glob("*.yaml") if not file.name.endswith("_test.yaml")}
    pages = {page.stem for page in PAGES.glob("*.md")} - {"README"}
    assert pages == packs | {f"preset-{folder.name}" for folder in PRESETS}
    overview = (PAGES / "README.md").read_text(encoding="utf-8")
    assert all(f"({page}.md)" in overview for page in pages)


@pytest.mark.parametrize("folder", [*SETS], ids=NAMES)
def test_every_template_is_told_on_its_page(folder: Path) -> None:
    """Whoever writes the texts finds there when each is sent."""
    pages = PAGES.glob("*.md") if folder == RULES else [PAGES / f"preset-{folder.name}.md"]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    said = [template for notify in notifies(load_rulebook(folder)) for template in notify.templates]
    assert [template for template in said if f"`{template}`" not in text] == []


@every_set
def test_marketing_has_a_cooldown_and_leaves_the_quarantined_in_peace(folder: Path) -> None:
    """The whole campaign asks for the quarantine, or every step of it that sells does."""
    book = load_rulebook(folder)

    def asks(indices: tuple[int, ...]) -> bool:
        return any(feature.name == QUARANTINE for i in indices for feature in book.predicates[i].features)

    for campaign in filter(sells, book.campaigns):
        assert campaign.cooldown_ms, campaign.name
        assert bool(campaign.holdout) is (campaign.name not in UNMEASURED), campaign.name
        for number, step in enumerate(campaign.steps):
            if step.notify is not None and step.notify.category is Category.MARKETING:
                own = step.when.predicates if step.when is not None else ()
                # what a campaign asked for at its beginning may have changed after a wait
                early = not any(before.wait_ms for before in campaign.steps[:number])
                assert asks(own) or (early and asks(campaign.when.predicates)), (campaign.name, number)


@every_set
def test_of_two_campaigns_that_sell_it_is_clear_which_goes_first(folder: Path) -> None:
    """All of them are in one group, each with a priority of its own."""
    selling = [c for c in load_rulebook(folder).campaigns if sells(c)]
    priorities = [c.priority for c in selling]
    assert len(priorities) == len(set(priorities))
    assert len(selling) == 1 or {c.exclusive for c in selling} == {"attention"}


# --- the default set


def test_it_is_one_coherent_set() -> None:
    """One community, one club, one quarantine; the tiers are those that the README speaks of."""
    ladders = {ladder.name: [tier.name for tier in ladder.tiers] for ladder in load_rulebook(RULES).ladders}
    assert ladders == {
        "community": ["外围", "影响", "核心"],
        "super-users": ["会员", "超级用户"],
        "coupon-hunters": ["普通", "隔离"],
    }


def test_a_first_order_is_welcomed_once(shipped: RulesProcessor) -> None:
    """The second order is not a first one."""
    life = begin(shipped)
    first = {"first_order_day": TODAY, "last_order_day": TODAY, "f": 1, "m": 1, "segment": Octant.GENERAL_DEVELOP}
    life.show(profile(**first, orders=1, lifetime=Window(orders=1), rhythm_days=None))
    life.show(profile(**first, orders=2, lifetime=Window(orders=2), rhythm_days=None, version=2))
    assert names(life) == ["first-order-welcome"]


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        (Octant.KEEP, "win-back-keep"),
        (Octant.RETAIN, "win-back-retain"),
        (Octant.GENERAL_KEEP, "win-back-general-keep"),
        (Octant.GENERAL_RETAIN, "win-back-general-retain"),
    ],
)
def test_the_silent_are_won_back(shipped: RulesProcessor, segment: Octant, expected: str) -> None:
    """Each octant by its own rule, once; coupon hunters are left in peace."""
    for tags, wanted in (((), [expected]), (("coupon_hunter",), ["隔离"])):
        life = begin(shipped)
        life.show(
            profile(
                customer_id="客户-2",  # of no control group
                segment=segment,
                last_order_day=TODAY,
                f=2,
                orders=4,
                activity=0.0,
                lifetime=Window(orders=8),
                rhythm_days=None,
                tags=tags,
            )
        )
        life.advance(NOON + timedelta(days=120))
        assert [name for name in names(life) if name != "影响"] == wanted
        sold = [c for c in life.commands if c.category is Category.MARKETING]
        assert bool(sold) is (not tags)


def test_the_ladder_goes_both_ways(shipped: RulesProcessor) -> None:
    """A best customer who falls silent leaves the core first, and then the middle."""
    life = begin(shipped)
    life.show(
        profile(
            r=5,
            f=5,
            m=5,
            segment=Octant.CHAMPION,
            last_order_day=TODAY,
            lifetime=Window(orders=40),
            activity=30.0,
            rhythm_days=None,
        )
    )
    life.advance(NOON + timedelta(days=100))
    assert names(life) == ["核心", "影响"]
    # a month of silence was up before the sixty days of minimum stay
    assert life.decisions[-1].decided_at == NOON + timedelta(days=60)
    life.advance(NOON + timedelta(days=200))
    assert names(life) == ["核心", "影响", "外围"]
    assert [c.template for c in life.commands] == ["core_welcome", "clerk_core_care", "clerk_ring_care"]


def test_thanks_go_to_a_loyal_coupon_user(shipped: RulesProcessor) -> None:
    """To the clerk, not to the customer."""
    life = begin(shipped)
    life.show(
        profile(segment=Octant.CHAMPION, f=2, m=4, windows=windows(coupon_redeem=3), activity=0.0, last_order_day=TODAY)
    )
    assert names(life) == ["clerk-coupon-thanks"]
    assert life.commands[0].recipient is Recipient.OWNER


# --- whoever comes


scores = st.integers(1, 5)


@st.composite
def customers(draw: st.DrawFn) -> Profile:
    """Anybody with orders."""
    r, f, m, orders = draw(scores), draw(scores), draw(scores), draw(st.integers(1, 40))
    last = draw(st.integers(0, 360))
    return profile(
        customer_id=draw(st.sampled_from([f"客户-{n}" for n in range(40)])),
        r=r,
        f=f,
        m=m,
        segment=Octant.of(r_high=r >= 4, f_high=f >= 4, m_high=m >= 4),
        rf_segment=RfSegment.of(r, f),
        super_user=draw(st.booleans()),
        orders=orders,
        lifetime=Window(orders=orders, net_minor=20_000 * orders),
        last_order_day=TODAY - timedelta(days=last),
        first_order_day=TODAY - timedelta(days=last + 20 * (orders - 1)),
        rhythm_days=draw(st.one_of(st.none(), st.floats(1, 60))),
        discount_share=draw(st.floats(0, 1)),
        activity=draw(st.floats(0, 100)),
        tags=draw(st.sampled_from([(), ("coupon_hunter",), ("no_marketing",)])),
        windows=windows(coupon_redeem=draw(st.integers(0, 4))),
    )


def a_year_of(customer: Profile, rules: RulesProcessor) -> Life:
    """What becomes of somebody who does nothing any more."""
    life = begin(rules)
    life.show(customer)
    life.advance(NOON + timedelta(days=365))
    return life


@every_set
@settings(max_examples=20, deadline=None)
@given(customer=customers())
def test_nobody_is_bombarded(folder: Path, customer: Profile, processors: dict[Path, RulesProcessor]) -> None:
    """Of what sells a customer gets one message at a time, a few a year; who is in quarantine or said no gets none."""
    cooldowns = {campaign.name: campaign.cooldown_ms for campaign in load_rulebook(folder).campaigns}
    life = a_year_of(customer, processors[folder])
    sold = [c for c in life.commands if c.category is Category.MARKETING]
    fired = [d for d in life.decisions if d.outcome is Outcome.FIRED]
    assert not (sold and customer.tags)
    assert all(c.recipient is Recipient.CUSTOMER for c in sold)
    assert len({c.decided_at for c in sold}) == len(sold)
    assert len(sold) <= 30
    assert len({c.id for c in life.commands}) == len(life.commands)
    last: dict[str, int] = {}
    for decision in fired:
        name, at_ms = decision.rule.partition("@")[0], to_ms(decision.decided_at)
        assert at_ms - last.get(name, -cooldowns[name]) >= cooldowns[name]
        last[name] = at_ms


@settings(max_examples=10, deadline=None)
@given(customer=customers())
def test_living_it_again_says_the_same(customer: Profile, shipped: RulesProcessor) -> None:
    """With the same ids."""

    def ids(commands: list[Command]) -> list[str]:
        return [command.id for command in commands]

    one, other = a_year_of(customer, shipped), a_year_of(customer, shipped)
    assert one.decisions == other.decisions
    assert ids(one.commands) == ids(other.commands)
