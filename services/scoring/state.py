"""The state of one customer. Ids of orders, refunds and interactions are kept as 8-byte hashes."""

import msgspec

from services.runtime.blob import Blobs
from services.scoring.activity import Activity
from services.scoring.daylog import DayLog
from services.scoring.orders import Order, UnlinkedRefund
from services.scoring.registers import Register
from services.scoring.rfm import Scores

SCHEMA = 1


class CustomerState(msgspec.Struct, array_like=True, gc=False):
    """Everything scoring knows of one customer.

    `version` is that of the profile published last (see `contracts.profile`), `scores` the scores in it.
    `orders` and `unlinked` by short hash of the order and refund id; `seen` as in `repeats`.
    """

    schema: int
    customer_id: str
    version: int
    log: DayLog
    scores: Scores = Scores()
    lifetime_orders: int = 0
    lifetime_net_minor: int = 0
    activity: Activity = msgspec.field(default_factory=Activity)
    orders: dict[int, Order] = {}
    unlinked: dict[int, UnlinkedRefund] = {}
    seen: dict[int, int] = {}
    tags: dict[str, Register] = {}
    attributes: dict[str, Register] = {}

    def add_order(self, day: int, orders: int, net_minor: int) -> None:
        """Add (or with negative numbers retract) orders and money of a day, in the window and for life."""
        self.log.add_order(day, orders, net_minor)
        self.lifetime_orders += orders
        self.lifetime_net_minor += net_minor


def new(customer_id: str, day: int, width: int) -> CustomerState:
    """A customer nothing is known of, with a window of `width` days that ends at `day`."""
    return CustomerState(schema=SCHEMA, customer_id=customer_id, version=-1, log=DayLog(day, width))


BLOBS = Blobs(CustomerState, SCHEMA, "customer state", if_older="rebuild the states from koi.events")
