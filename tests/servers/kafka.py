"""Apache Kafka (KRaft, one node) from Maven Central jars, without Docker."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.embedded.ports import HOST, free_ports, kafka_answers
from deploy.embedded.process import Process
from tests.servers.server import Server

_HERE = Path(__file__).parent
_POM = _HERE / "pom.xml"
_CLUSTER_ID = "koipond-system-tests"
_JAVA_AT_LEAST = 17
_FETCH_SECONDS = 600
_FORMAT_SECONDS = 60
_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0

# Small buffers, quick rebalances, and a short session so that a killed broker may register again at once; everything
# else is as a broker has it by default.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=CLIENT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=CLIENT://{host}:{port}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={host}:{controller_port}
log.dirs={data}
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=16777216
log.index.size.max.bytes=1048576
log.segment.delete.delay.ms=1000
"""


class KafkaUnavailable(Exception):  # noqa: N818
    """Apache Kafka cannot run here; the message is one line that says why and what to install."""


def version() -> str:
    """The Kafka version that pom.xml names."""
    found = re.search(r"kafka_2\.13</artifactId>\s*<version>([\d.]+)<", _POM.read_text())
    assert found is not None, "pom.xml names no Kafka version"
    return found[1]


def require_tools() -> None:
    """Raise KafkaUnavailable unless Java and, as long as the jars are not cached, Maven are there."""
    major = _java_major()
    if major is None:
        raise KafkaUnavailable(f"Java {_JAVA_AT_LEAST} is missing (Debian: openjdk-17-jre-headless)")
    if major < _JAVA_AT_LEAST:
        raise KafkaUnavailable(f"Java {major} is too old for Kafka {version()}, which needs {_JAVA_AT_LEAST}")
    if not cached_jars().is_dir() and shutil.which("mvn") is None:
        raise KafkaUnavailable(f"Maven, which fetches Kafka {version()}, is missing (Debian: maven)")


def cached_jars() -> Path:
    """Where the jars are, or will be: in the user's cache, named by version and by what pom.xml asks for."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    wanted = hashlib.sha256(_POM.read_bytes()).hexdigest()[:8]
    return cache / "koipond" / f"kafka-{version()}-{wanted}"


def fetch_jars() -> Path:
    """The folder of jars, fetched with Maven the first time. Raises KafkaUnavailable when that fails."""
    jars = cached_jars()
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as scratch:
        fetched = Path(scratch) / "jars"
        command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies"]
        options = [f"-DoutputDirectory={fetched}", "-DincludeScope=runtime"]
        try:
            subprocess.run(
                [*command, *options],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_FETCH_SECONDS,
            )
        except subprocess.CalledProcessError as error:
            raise KafkaUnavailable(f"Maven could not fetch Kafka {version()}:\n{error.stdout}") from error
        except subprocess.TimeoutExpired as error:
            raise KafkaUnavailable(f"Maven did not fetch Kafka {version()} within {_FETCH_SECONDS} s") from error
        if not jars.is_dir():  # another run may have been faster
            fetched.rename(jars)
    return jars


def apache_kafka(directory: Path) -> Server:
    """A formatted, not yet started broker on free ports; its data and log live in `directory`."""
    jars = fetch_jars()
    port, controller_port = free_ports(2)
    directory.mkdir(parents=True, exist_ok=True)
    properties = directory / "server.properties"
    properties.write_text(
        _PROPERTIES.format(host=HOST, port=port, controller_port=controller_port, data=directory / "data")
    )
    # the first compiler only: it starts faster, and a test broker does not live long enough for the second
    java = [_java(), "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    java += [f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}", "-cp", f"{jars}/*"]
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "--standalone", "-t", _CLUSTER_ID, "-c", str(properties)],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=_FORMAT_SECONDS,
    )
    process = Process(
        "Kafka", [*java, "kafka.Kafka", str(properties)], directory / "kafka.log", stop_seconds=_STOP_SECONDS
    )
    return Server(
        label=f"Apache Kafka {version()}",
        address=f"{HOST}:{port}",
        process=process,
        answers=lambda: kafka_answers(port),
        ready_seconds=_READY_SECONDS,
        durable=True,
    )


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"


def _java_major() -> int | None:
    try:
        told = subprocess.run([_java(), "-version"], check=True, capture_output=True, text=True, timeout=30).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else None
