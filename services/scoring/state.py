"""The state of one customer, and its bytes.

MessagePack of arrays: field names cost nothing, and a field can only be added at the end or under a new schema number,
which stands first. Ids of orders, refunds and interactions are kept as 8-byte hashes.
"""

import msgspec

from services.contracts.errors import KoipondError
from services.scoring.activity import Activity
from services.scoring.daylog import DayLog
from services.scoring.orders import Order, UnlinkedRefund
from services.scoring.registers import Register
from services.scoring.rfm import Scores

SCHEMA = 1


class UnreadableState(KoipondError):  # noqa: N818 - it names what was found
    """A stored state this release cannot read; processing it would lose what it holds."""


class CustomerState(msgspec.Struct, array_like=True, gc=False):
    """Everything scoring knows of one customer.

    `version` and `tick` are those of the profile published last (see `contracts.profile`), `scores` the scores in it.
    `orders` and `unlinked` by short hash of the order and refund id; `seen` as in `repeats`.
    """

    schema: int
    customer_id: str
    version: int
    tick: int
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


class _Header(msgspec.Struct, array_like=True, gc=False):
    schema: int


def new(customer_id: str, day: int, width: int) -> CustomerState:
    """A customer nothing is known of, with a window of `width` days that ends at `day`."""
    return CustomerState(schema=SCHEMA, customer_id=customer_id, version=-1, tick=0, log=DayLog(day, width))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CustomerState)
_header = msgspec.msgpack.Decoder(_Header)


def dump(state: CustomerState) -> bytes:
    return _encoder.encode(state)


def load(blob: bytes) -> CustomerState:
    """Raise `UnreadableState` for a state of another schema and for bytes that are none."""
    try:
        schema = _header.decode(blob).schema
        if schema == SCHEMA:
            return _decoder.decode(blob)
    except msgspec.MsgspecError as error:
        raise UnreadableState(f"a stored customer state is damaged: {error}") from error
    raise UnreadableState(
        f"a stored customer state has schema {schema}, this release reads {SCHEMA}: "
        + ("run the newer release that wrote it" if schema > SCHEMA else "rebuild the states from koi.events")
    )
