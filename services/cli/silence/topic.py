"""Reads and writes `koi.silences`."""

from collections.abc import Iterable, Sequence

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.cli.partition import read_partition
from services.contracts.errors import Retryable
from services.contracts.silence import Silence
from services.contracts.topics import SILENCES
from services.contracts.wire import SILENCES as SILENCES_WIRE
from services.notifier.silences import SilenceBook
from services.runtime.publisher import KafkaPublisher
from services.runtime.record import Output, Record
from services.runtime.settings import Settings

_PARTITION = 0


async def read_silences(settings: Settings) -> tuple[Silence, ...]:
    """All there are, as the notifier reads them. Raise `Retryable` when Kafka cannot be read."""
    book = SilenceBook()

    def take(records: Sequence[ConsumerRecord]) -> None:
        book.note(Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value) for r in records)

    await read_partition(TopicPartition(SILENCES.name, _PARTITION), settings.kafka, take)
    return book.all()


async def write_silences(settings: Settings, silences: Iterable[Silence], forgotten: Iterable[str] = ()) -> None:
    """Put them up as they are, and take those away that are to be forgotten. Raise `Retryable` unless Kafka has it all."""
    outputs = [_output(silence.id, SILENCES_WIRE.encode(silence)) for silence in silences]
    outputs += [_output(silence_id, None) for silence_id in forgotten]
    # a silence that is said twice is the same silence
    publisher = KafkaPublisher(settings.kafka, idempotent=False, client_id="koi-silence")
    try:
        await publisher.start()
        await publisher.publish(outputs)
    except (KafkaError, OSError) as error:
        raise Retryable(f"{type(error).__name__}: {error}".rstrip(": ")) from error
    finally:
        await publisher.stop()


def _output(silence_id: str, value: bytes | None) -> Output:
    return Output(SILENCES.name, _PARTITION, silence_id.encode(), value)
