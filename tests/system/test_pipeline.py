"""The whole pipeline as real processes on a real broker and a real Redis, fed with what upstreams really send."""

import json
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiokafka.errors import KafkaError

from deploy.embedded.services import SERVICES
from tests.servers.server import Server
from tests.system.pipeline import PARTITIONS, Fact, Pipeline, pipeline
from tests.system.upstream import INTERACTIONS, NOW, ORDERS, message, once, paid, refunded, settings

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def pond(kafka_server: Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A pipeline on the wall clock for the tests of this file, each of which has customers of its own."""
    directory = tmp_path_factory.mktemp("pipeline")
    with pipeline(kafka_server, redis_url, directory, settings(directory)) as running:
        yield running


def crowd(chance: random.Random) -> tuple[list[Fact], dict[str, tuple[int, int]]]:
    """Orders, refunds and one interaction of each customer; and what that comes to: customer → orders, net money."""
    start = NOW - timedelta(days=3)
    expected: dict[str, tuple[int, int]] = {}
    clean: list[Fact] = []
    for number in range(400):
        customer = f"杂/客户{number}🐟" if number % 2 else f"杂/c-{number}"
        orders = net = 0
        for i in range(chance.randint(1, 5)):
            order = f"{customer}#{i}"
            clean.append(paid(customer, order, start + timedelta(minutes=i), 10_000 + i))
            taken = chance.choice((0, 0, 0, 4_000, 10_000 + i))
            if taken:
                clean.append(refunded(customer, order, start + timedelta(hours=1), taken))
            orders += taken < 10_000 + i
            net += 10_000 + i - taken
        clean.append(message("interaction", customer, f"m-{customer}", start, kind="message"))
        expected[customer] = (orders, net)
    at = (start + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S")
    vendor = {"事件": "已支付", "消息号": "v1", "交易": {"单号": "v1", "买家": "杂/商城", "金额": "199.90", "时间": at}}
    clean.append(Fact(ORDERS, None, json.dumps(vendor, ensure_ascii=False).encode()))
    expected["杂/商城"] = (1, 19_990)
    return clean, expected


def test_dirt_and_gold(pond: Pipeline) -> None:
    """Duplicates, shuffled refunds, garbage, strange headers and a vendor's form: the sums are those of plain arithmetic."""
    chance = random.Random(5)  # noqa: S311
    clean, expected = crowd(chance)
    strange = [("kind", b"\xff\xfe\x00"), ("", b"")]
    facts = [fact._replace(headers=strange) if chance.random() < 0.1 else fact for fact in clean]
    facts += chance.sample(facts, len(facts) // 3)
    poison = [bytes([0x80, n]) + chance.randbytes(20) for n in range(40)]
    poison += [b"", b"{", b"[]", b"null", b'{"type":"order.paid"}', "订单".encode("gb18030"), b"x" * 900_000]
    facts += [Fact(chance.choice((ORDERS, INTERACTIONS)), None, value, strange) for value in poison]
    chance.shuffle(facts)
    pond.publish(facts)
    try:
        pond.publish([Fact(ORDERS, None, b"M" * 10_000_000)])
    except KafkaError as error:
        assert "MessageSizeTooLarge" in repr(error)  # noqa: PT017
    else:
        poison.append(b"M" * 10_000_000)
    pond.rest()
    everything = pond.seen()
    seen = everything.of("杂/")
    profiles = seen.last_profiles()
    assert {customer: (p.orders, p.net_minor) for customer, p in profiles.items()} == expected
    assert all(p.lifetime.counts == {"message": 1} for customer, p in profiles.items() if customer != "杂/商城")
    cut = 512 * 1024
    assert Counter(x.value for x in everything.letters) == Counter(value[:cut] for value in poison)
    assert {(x.service, x.headers) for x in everything.letters} <= {("ingest", tuple(strange)), ("ingest", ())}
    assert all(x.reason and x.detail for x in everything.letters)
    level = {1: "外围", 2: "影响"}
    tiers = dict.fromkeys(expected, "外围") | seen.tiers()
    assert tiers == {c: level.get(profiles[c].f, "核心") for c in expected}
    once(seen)
    assert pond.sink.forged == 0
    assert {c.id for c in seen.commands} <= pond.sink.taken.keys()
    # a repeat is one that the receipt owns up to
    assert all(pond.sink.taken[receipt.command_id] <= receipt.attempts for receipt in seen.ends)


def test_pages_answer(pond: Pipeline) -> None:
    """Every service is alive and ready, and its metrics are Prometheus text that counts what it did."""
    pond.publish([paid("页", "页1", NOW)])
    pond.rest()
    for name in SERVICES:
        assert pond.get(name, "/healthz") == (200, "alive")
        assert pond.get(name, "/readyz") == (200, "ready")
        assert pond.metric(name, "koi_records_total", service=name) > 0
        assert pond.metric(name, "koi_failures_total") == 0
        assert pond.metric(name, "koi_owned_partitions") == PARTITIONS


def test_a_stop_is_clean(pond: Pipeline) -> None:
    """SIGTERM in the middle of work: exit code 0, and whoever starts next reads nothing twice."""
    loyal = [f"停/{number}" for number in range(800)]
    before = pond.count("koi.profiles")
    for name in SERVICES:
        pond.publish([paid(customer, f"{customer}/{name}", NOW) for customer in loyal])
        pond.until("profiles move", lambda before=before: pond.count("koi.profiles") > before)  # type: ignore[misc]
        process = pond.services.process(name)
        code = process.stop()
        assert code == 0, f"{name} ended with {code}\n{process.tail()}"
        process.start()
        pond.until(f"{name} is ready again", lambda name=name: pond.services.ready(name))  # type: ignore[misc]
        pond.rest()
        before = pond.count("koi.profiles")
    for name in SERVICES:
        assert pond.metric(name, "koi_records_skipped_total") == 0, f"{name} read something twice"
    seen = pond.seen().of("停/")
    assert {p.orders for p in seen.last_profiles().values()} == {len(SERVICES)}
    assert len(seen.profiles) == len(loyal) * len(SERVICES)
    assert len(seen.ends) == len({r.command_id for r in seen.ends})
    once(seen)


def test_redis_away_and_back(pond: Pipeline, redis_server: Server) -> None:
    """Without Redis the services with state are alive, not ready and say why; with it they go on by themselves."""
    stateful = [name for name in SERVICES if name != "ingest"]
    redis_server.stop()
    try:
        pond.publish([paid("断", "断1", NOW)])
        for name in stateful:
            pond.until(f"{name} is not ready", lambda name=name: not pond.services.ready(name))  # type: ignore[misc]
            status, why = pond.get(name, "/readyz")
            assert status == 503
            assert "Redis" in why
            assert pond.get(name, "/healthz")[0] == 200
        assert pond.get("ingest", "/readyz") == (200, "ready")
    finally:
        redis_server.start()
    pond.ready()
    pond.rest()
    seen = pond.seen().of("断")
    assert seen.last_profiles()["断"].orders == 1
    assert [c.template for c in seen.commands] == ["欢迎光临"]
    once(seen)


def test_kcat_is_a_client_like_any_other(pond: Pipeline, durable_kafka: Server) -> None:  # noqa: ARG001
    """What kcat produces, by its own partitioner, becomes a profile, and kcat reads it back as plain JSON (from Apache Kafka)."""
    kcat = shutil.which("kcat")
    if kcat is None:
        pytest.skip("kcat is missing (Debian: kcat)")
    lines = [paid(f"猫/{n}", f"猫{n}", NOW) for n in range(20)]
    fed = b"\n".join((line.key or b"") + b"\t" + (line.value or b"") for line in lines)
    producing = [kcat, "-q", "-P", "-b", pond.kafka, "-t", ORDERS, "-K", "\t"]
    subprocess.run(producing, input=fed, check=True, timeout=30)
    pond.rest()
    consuming = [kcat, "-q", "-C", "-e", "-b", pond.kafka, "-t", "koi.receipts", "-o", "beginning", "-f", "%k\t%s\n"]
    told = subprocess.run(consuming, check=True, capture_output=True, timeout=30).stdout.decode()
    receipts = [line.split("\t", 1) for line in told.splitlines()]
    mine = {key: json.loads(value) for key, value in receipts if key.startswith("猫/")}
    assert mine.keys() == {f"猫/{n}" for n in range(20)}
    assert {value["outcome"] for value in mine.values()} == {"sent"}
