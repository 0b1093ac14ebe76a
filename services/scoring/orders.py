"""Orders: what is known of each, folded from its events in whatever order they come.

Every fold takes the maximum of what is known and what arrives under a fixed total order, or adds to a set. Both are
commutative, associative and idempotent, so any permutation and any duplication of the same events gives the same order.

- `order.paid` twice with different content: the greatest (second of occurred_at, amount, discount) wins, so the later
  statement does, and within one second the larger amount. It also says which day the order belongs to.
- `order.amended`: the greatest (rev, amount) wins, and any amendment wins over `order.paid` for the amount. The day
  remains that of `order.paid`, and so does the discount.
- `order.refunded`: a set by refund id; the same refund twice with different amounts counts with the larger one.
- `order.cancelled`: once cancelled, always cancelled.
"""

import msgspec


class Order(msgspec.Struct, array_like=True, gc=False):
    """One order. Amounts in minor units; `paid_at` in Unix seconds, None while only a refund or the like is known."""

    paid_at: int | None = None
    paid_minor: int = 0
    discount_minor: int = 0
    rev: int = 0
    amended_minor: int = 0
    cancelled: bool = False
    refunds: dict[int, int] | None = None

    def pay(self, at: int, amount_minor: int, discount_minor: int) -> bool:
        """Fold `order.paid`; this and the other folds return whether anything changed."""
        known = (self.paid_at, self.paid_minor, self.discount_minor)
        if self.paid_at is not None and (at, amount_minor, discount_minor) <= known:
            return False
        self.paid_at, self.paid_minor, self.discount_minor = at, amount_minor, discount_minor
        return True

    def amend(self, rev: int, amount_minor: int) -> bool:
        if (rev, amount_minor) <= (self.rev, self.amended_minor):
            return False
        self.rev, self.amended_minor = rev, amount_minor
        return True

    def refund(self, refund: int, amount_minor: int) -> bool:
        if self.refunds is None:
            self.refunds = {}
        if amount_minor <= self.refunds.get(refund, 0):
            return False
        self.refunds[refund] = amount_minor
        return True

    def cancel(self) -> bool:
        if self.cancelled:
            return False
        self.cancelled = True
        return True

    def absorb(self, other: "Order") -> None:
        """Fold in all that is known of the same order elsewhere."""
        if other.paid_at is not None:
            self.pay(other.paid_at, other.paid_minor, other.discount_minor)
        self.amend(other.rev, other.amended_minor)
        for refund, amount_minor in (other.refunds or {}).items():
            self.refund(refund, amount_minor)
        if other.cancelled:
            self.cancel()

    @property
    def plain(self) -> bool:
        """Whether it was paid, and nothing else was heard of it."""
        return self.paid_at is not None and self.rev == 0 and not self.cancelled and not self.refunds

    @property
    def stands(self) -> bool:
        """Whether it was paid and not cancelled."""
        return self.paid_at is not None and not self.cancelled

    @property
    def amount_minor(self) -> int:
        """What was paid: of the last amendment, else of the payment."""
        return self.amended_minor if self.rev > 0 else self.paid_minor

    @property
    def net_minor(self) -> int:
        """0 if cancelled or not yet paid, else max(0, paid − Σ refunds)."""
        if not self.stands:
            return 0
        refunded = sum(self.refunds.values()) if self.refunds else 0
        return max(0, self.amount_minor - refunded)

    def counts(self, *, free: bool) -> bool:
        """Whether it is an order for R and F: its net is above 0; with `free`, also if nothing was to be paid."""
        return self.stands and (self.net_minor > 0 or (free and self.amount_minor == 0))


class UnlinkedRefund(msgspec.Struct, array_like=True, frozen=True, gc=False, order=True):
    """A refund that names no order: it lowers money on its own day and touches no order.

    The same refund id twice with different content: the greatest (second, amount) wins.
    """

    at: int
    amount_minor: int
