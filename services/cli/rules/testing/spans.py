"""The windows of a ready-made customer: those a test says, and the others so that each holds what the shorter ones do."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import combinations, pairwise

from services.cli.rules.testing.sketch import LIFETIME, WINDOW_NAMES, Sketch, Span
from services.contracts.profile import WINDOWS, Window, window_name
from services.rules.language.features import known_kind

_DAY = timedelta(days=1)
_WIDTHS: Mapping[str, int | None] = {**{window_name(days): days for days in WINDOWS}, LIFETIME: None}
_LONG_AGO = timedelta(days=2 * max(WINDOWS))
Windows = dict[str, Window]


def said_spans(sketch: Sketch, width: int | None) -> dict[str, Span]:
    """What a test says of each window, be it as `windows`, as `orders` or as `lifetime_orders`. `width` is that of RFM's window, in days."""
    said = dict(sketch.windows)
    as_features = {
        rfm_window(width): {key: getattr(sketch, key) for key in ("orders", "net_minor") if sketch.says(key)},
        LIFETIME: {
            key.removeprefix("lifetime_"): getattr(sketch, key)
            for key in ("lifetime_orders", "lifetime_net_minor")
            if sketch.says(key)
        },
    }
    for name, features in as_features.items():
        if features and name in WINDOW_NAMES:
            old = said.get(name, Span())
            said[name] = old.model_copy(update={key: v for key, v in features.items() if getattr(old, key) is None})
    return said


def rfm_window(width: int | None) -> str:
    """The name of the window of RFM; not always one of those that profiles have."""
    return LIFETIME if width is None else window_name(width)


def first_windows(sketch: Sketch, *, recency: int | None, orders: int, net_minor: int, width: int | None) -> Windows:
    """Orders are spread evenly over the window of RFM (`width` days; None for a whole life), with the last of them `recency` days ago.

    A customer interacted within a window if they are said to have since.
    """
    windows: Windows = {}
    for name, days in _WIDTHS.items():
        bought = _share(orders, recency, days, width)
        net = round(net_minor * bought / orders) if orders else 0
        if days is None:
            # what was bought before the window was bought as dearly
            net = round(net_minor * max(orders, sketch.lifetime_orders) / orders) if orders else net_minor
        counts = {
            kind: 1 for kind, ago in sketch.since.items() if known_kind(kind) and (days is None or ago < days * _DAY)
        }
        windows[name] = Window(orders=bought, net_minor=net, counts=counts)
    return said_windows(windows, said_spans(sketch, width))


def said_windows(windows: Windows, said: Mapping[str, Span]) -> Windows:
    """The windows with what a test says of some; the longer ones hold at least as much, the shorter ones at most."""
    result = dict(windows)
    for name, span in said.items():
        old = result[name]
        result[name] = Window(
            orders=old.orders if span.orders is None else span.orders,
            net_minor=old.net_minor if span.net_minor is None else span.net_minor,
            counts={kind: n for kind, n in {**old.counts, **span.counts}.items() if n},
        )
    _level(result, said)
    return result


def raised(windows: Windows, *, kind: str | None = None, orders: int = 0, net_minor: int = 0) -> Windows:
    """The windows after something has happened today: it is in all of them."""
    return {
        name: Window(
            orders=window.orders + orders,
            net_minor=window.net_minor + net_minor,
            counts=window.counts if kind is None else {**window.counts, kind: window.counts.get(kind, 0) + 1},
        )
        for name, window in windows.items()
    }


def last_instants(windows: Windows, known: Mapping[str, datetime], at: datetime) -> dict[str, datetime]:
    """When each kind that is counted last happened, where it is not said: in the middle of the shortest window that counts it."""
    instants = dict(known)
    shorter = timedelta(0)
    for name, days in _WIDTHS.items():
        length = _LONG_AGO if days is None else days * _DAY
        for kind in windows[name].counts:
            instants.setdefault(kind, at - (shorter + length) / 2)
        shorter = length
    return instants


def contradictions(said: Mapping[str, Span]) -> Iterator[tuple[str, str]]:
    """Windows that are said to hold more than a longer one, each with a sentence."""
    names = [name for name in WINDOW_NAMES if name in said]
    for shorter, longer in combinations(names, 2):
        for what, less, more in _pairs(said[shorter], said[longer]):
            if less > more:
                yield longer, f"{what} are {more} in {longer}, but {less} in {shorter}, which is a part of it"


def _pairs(shorter: Span, longer: Span) -> Iterator[tuple[str, int, int]]:
    if shorter.orders is not None and longer.orders is not None:
        yield "orders", shorter.orders, longer.orders
    for kind, count in shorter.counts.items():
        if kind in longer.counts:
            yield f"counts of {kind}", count, longer.counts[kind]


def _share(orders: int, recency: int | None, days: int | None, width: int | None) -> int:
    if not orders or recency is None or (days is not None and recency >= days):
        return 0 if days is not None else orders
    if days is None or (width is not None and days >= width):
        return orders
    return min(orders, max(1, round(orders * days / (width or max(WINDOWS)))))


def _level(windows: Windows, said: Mapping[str, Span]) -> None:
    """Raise what is not said to what shorter windows hold, and lower it to what longer ones do."""
    for shorter, longer in pairwise(WINDOW_NAMES):
        windows[longer] = _fitted(windows[longer], windows[shorter], said.get(longer), max)
    for longer, shorter in pairwise(reversed(WINDOW_NAMES)):
        windows[shorter] = _fitted(windows[shorter], windows[longer], said.get(shorter), min)


def _fitted(own: Window, other: Window, said: Span | None, fit: Callable[[int, int], int]) -> Window:
    says_orders, said_counts = (False, {}) if said is None else (said.orders is not None, said.counts)
    counts = {
        kind: own.counts.get(kind, 0)
        if kind in said_counts
        else fit(own.counts.get(kind, 0), other.counts.get(kind, 0))
        for kind in {**own.counts, **other.counts}
    }
    return Window(
        orders=own.orders if says_orders else fit(own.orders, other.orders),
        net_minor=own.net_minor,
        counts={kind: count for kind, count in counts.items() if count},
    )
