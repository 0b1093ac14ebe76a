"""Servers for the tests that ask for them, and the rule that CI skips nothing it could run."""

from collections.abc import Generator, Iterator

import pytest

from tests.servers import policy
from tests.servers.kafka import KafkaUnavailable, cached_jars, version
from tests.servers.redis import redis_or_valkey
from tests.servers.server import Server
from tests.servers.wipe import wipe_kafka, wipe_redis

_PLAN = pytest.StashKey[policy.Plan]()


def _plan(config: pytest.Config) -> policy.Plan:
    if _PLAN not in config.stash:
        config.stash[_PLAN] = policy.plan()
    return config.stash[_PLAN]


def pytest_report_header(config: pytest.Config) -> str:
    plan = _plan(config)
    if plan.real:
        return f"broker: Apache Kafka {version()}"
    return f"broker: {plan.remark}; the system tests run on the embedded broker"


@pytest.fixture(scope="session")
def kafka_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The broker of this session, running: Apache Kafka, or the embedded one where Java or Maven is missing."""
    plan = _plan(request.config)
    if plan.real and not cached_jars().is_dir():
        _say(request.config, f"fetching Apache Kafka {version()} from Maven Central (once, into {cached_jars()})")
    try:
        server = policy.broker(tmp_path_factory.mktemp("kafka"), plan)
    except KafkaUnavailable as why:
        pytest.fail(str(why), pytrace=False)
    try:
        server.start()
        yield server
    finally:
        server.kill()  # nobody reads what it would save


@pytest.fixture(scope="session")
def kafka(kafka_server: Server) -> str:
    """Bootstrap address of the session's broker."""
    return kafka_server.address


@pytest.fixture
def durable_kafka(kafka_server: Server) -> Server:
    """The session's broker, for tests that restart it and expect its records to be there."""
    if not kafka_server.durable:
        pytest.skip("the embedded broker forgets everything when it stops; this test needs Apache Kafka")
    return kafka_server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The Redis (or Valkey) of this session, running, with an append-only file."""
    server = redis_or_valkey(tmp_path_factory.mktemp("redis"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def redis_url(redis_server: Server) -> str:
    """URL of the session's Redis."""
    return redis_server.address


@pytest.fixture
async def clean_kafka(kafka: str) -> str:
    """Bootstrap address of the session's broker, without topics and consumer groups."""
    await wipe_kafka(kafka)
    return kafka


@pytest.fixture
async def clean_redis(redis_url: str) -> str:
    """URL of the session's Redis, empty: no keys, no functions."""
    await wipe_redis(redis_url)
    return redis_url


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):
        _no_skip_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _no_skip_in_ci(report)
    return report


def _no_skip_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome == "skipped" and policy.in_ci() and policy.ALLOWED_SKIP not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"


def _say(config: pytest.Config, line: str) -> None:
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        config.get_terminal_writer().line(f"\n{line}")
