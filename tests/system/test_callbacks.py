"""What providers and readers tell, over HTTP to a real notifier."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from services.contracts import wire
from services.contracts.channels import Category
from services.contracts.receipt import DeliveryOutcome, Receipt
from services.notifier.unsubscribing import link
from tests.servers.server import Server
from tests.system.scorers import Scorers, scorers

pytestmark = pytest.mark.system

SECRET = "whsec_" + "a29pcG9uZC1rb2lwb25kLWtvaXBvbmQ="


def _receipts(running: Scorers) -> list[Receipt]:
    return [wire.RECEIPTS.decode(record.value or b"") for record in running.records("koi.receipts")]


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def test_news_and_unsubscriptions_become_receipts(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    """Signed news is told once, however often it comes; a reader's click is a refusal; nobody else is believed."""
    settings = {"KOI_ZONE": "Asia/Shanghai", "KOI_CALLBACK_SECRET": SECRET}
    with scorers(kafka_server, redis_url, tmp_path, settings, {"notifier": 1}) as running:
        (worker,) = running.workers("notifier")
        base = f"http://127.0.0.1:{running.port(worker)}"
        news = {"command_id": "c1", "customer_id": "客户-1", "news": "delivered", "at": "2026-03-16T08:00:00+08:00"}
        body = json.dumps(news).encode()
        now = datetime.now(UTC)
        signed = {
            "webhook-id": "m1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign("m1", now, body.decode()),
        }
        assert _post(f"{base}/callbacks/sms", body, signed)[0] == 202
        assert _post(f"{base}/callbacks/sms", body, signed)[0] == 202
        assert _post(f"{base}/callbacks/sms", body + b" ", signed)[0] == 401
        leads = link(base, SecretStr(SECRET), "客户-1", "c2", Category.MARKETING)
        assert _post(leads, b"List-Unsubscribe=One-Click", {})[0] == 200
        assert _post(leads.replace("c2", "c3"), b"List-Unsubscribe=One-Click", {})[0] in {400, 401, 403, 404}
        running.until("both are told", lambda: len(_receipts(running)) >= 2)
        told = {(r.command_id, r.outcome) for r in _receipts(running)}
        assert told == {("c1", DeliveryOutcome.DELIVERED), ("c2", DeliveryOutcome.UNSUBSCRIBED)}
        running.until("refusals are counted", lambda: running.metric(worker, "koi_callbacks_total", status="401") >= 1)
        assert all(r.at - now < timedelta(minutes=5) for r in _receipts(running))
