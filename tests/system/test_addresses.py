"""Where customers' addresses come to light, from the publisher's message to the mail that arrives: nowhere in between."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.contracts import topics, wire
from services.contracts.channels import Category, Recipient
from services.contracts.command import Command
from services.contracts.receipt import FINAL, DeliveryOutcome, Reason, Receipt
from services.runtime.partitioning import partition_of
from tests.servers.providers.mail_server import ADDRESS, MailServer
from tests.servers.server import Server
from tests.system.pipeline import PARTITIONS, Fact
from tests.system.posts import serving
from tests.system.scorers import Scorers, scorers

pytestmark = pytest.mark.system

NUMBER = "+8613912345678"
POLICY = "quiet_hours: []\n"
WORDS = """\
template: hello
zh:
  email: {title: 好久不见, text: "您好，{{ segment }} 的朋友"}
"""


def _updated(customer: str, **what: object) -> Fact:
    now = datetime.now(UTC).isoformat()
    event = {
        "type": "customer.updated",
        "id": f"u-{customer}",
        "source": "crm",
        "customer_id": customer,
        "occurred_at": now,
    }
    return Fact(topics.INTERACTIONS.name, customer.encode(), json.dumps({**event, **what}).encode())


def _command(customer: str, name: str) -> Fact:
    now = datetime.now(UTC)
    command = Command(
        id=name,
        customer_id=customer,
        rule="win-back@1a2b3c",
        episode=1,
        step=0,
        template="hello",
        params={"segment": "重要保持"},
        channels=("email",),
        category=Category.MARKETING,
        recipient=Recipient.CUSTOMER,
        decided_at=now,
        expires_at=now + timedelta(days=1),
        occurred_at=now,
    )
    key = customer.encode()
    return Fact(
        topics.NOTIFICATIONS.name, key, wire.COMMANDS.encode(command), partition=partition_of(customer, PARTITIONS)
    )


def _ends(running: Scorers) -> dict[str, Receipt]:
    receipts = [wire.RECEIPTS.decode(record.value or b"") for record in running.records(topics.RECEIPTS.name)]
    return {receipt.command_id: receipt for receipt in receipts if receipt.outcome in FINAL}


async def _in_redis(url: str) -> bytes:
    """All keys, and all values of those that are strings."""
    client: Redis = Redis.from_url(url)
    try:
        keys = [key async for key in client.scan_iter()]
        values = [await client.dump(key) or b"" for key in keys]
        return b"\n".join([*keys, *values])
    finally:
        await client.aclose()


def test_an_address_is_read_where_it_is_used_and_nowhere_else(
    kafka_server: Server, redis_url: str, tmp_path: Path
) -> None:
    """Who agreed gets the mail; who did not, or has no address, is told of in the ledger; no other place knows an address."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "hello.yaml").write_text(WORDS, encoding="utf-8")
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    with serving(MailServer()) as mail:
        settings = {
            "KOI_ZONE": "Asia/Shanghai",
            "KOI_CONTACTS_KEY": base64.b64encode(bytes(range(64))).decode(),
            "KOI_CHANNELS": "email",
            "KOI_POLICY": str(tmp_path / "policy.yaml"),
            "KOI_TEMPLATES": str(tmp_path / "templates"),
            "KOI_SMTP_HOST": "127.0.0.1",
            "KOI_SMTP_PORT": str(mail.port),
            "KOI_SMTP_SECURITY": "none",
            "KOI_ALLOW_PRIVATE": "true",
            "KOI_EMAIL_FROM": "hello@brand.example",
        }
        with scorers(kafka_server, redis_url, tmp_path, settings, {"notifier": 1}) as running:
            agreed = {"all": {"marketing": True}}
            running.publish(
                [
                    _updated("甲", contacts={"email": ADDRESS, "sms": NUMBER}, consent=agreed, language="zh"),
                    _updated("乙", contacts={"email": "lurking@customers.example"}),
                    _updated("丙", consent=agreed),
                ]
            )
            running.rest()
            running.until("contacts are known", lambda: running.count(topics.CONTACTS.name) >= 3)
            running.publish([_command(who, f"c-{who}") for who in "甲乙丙"])
            running.until("all have their end", lambda: len(_ends(running)) >= 3)
            ends = _ends(running)
            assert {name: (r.outcome, r.reason) for name, r in ends.items()} == {
                "c-甲": (DeliveryOutcome.SENT, Reason.NONE),
                "c-乙": (DeliveryOutcome.SUPPRESSED, Reason.NO_CONSENT),
                "c-丙": (DeliveryOutcome.SUPPRESSED, Reason.NO_CONTACT),
            }
            assert [envelope[1:] for envelope in mail.envelopes] == [[ADDRESS]]
            assert mail.taken[0].strip() == "您好，重要保持 的朋友"
            pages = [
                running.get(w, "/metrics")[1].encode() for name in ("ingest", "notifier") for w in running.workers(name)
            ]
            places = {
                topic.name: b"\n".join(r.value or b"" for r in running.records(topic.name)) for topic in topics.TOPICS
            }
            places |= {"redis": asyncio.run(_in_redis(redis_url)), "metrics": b"\n".join(pages)}
            places |= {log.name: log.read_bytes() for log in tmp_path.glob("*.log")}
            secrets = [text.encode() for text in (ADDRESS, ADDRESS.split("@")[0], NUMBER, NUMBER[3:], "lurking")]
            assert len(places) > len(topics.TOPICS) + 3
            assert {place for place, text in places.items() if any(secret in text for secret in secrets)} == {
                topics.INTERACTIONS.name
            }
