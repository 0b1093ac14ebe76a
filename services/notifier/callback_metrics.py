"""How the endpoint answers those who tell what became of messages."""

from prometheus_client import CollectorRegistry, Counter


class CallbackMetrics:
    """Made by the notifier alone; labels are names of channels, `unsubscribe`, and HTTP statuses.

    | metric | meaning | if it moves |
    |---|---|---|
    | koi_callbacks_total{endpoint,status} | answers of /callbacks/… and /unsubscribe | 401: somebody signs with another secret, or tries; 503: Kafka was away, and the provider comes again |
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter("koi_callbacks", "Answers of the endpoint.", ["endpoint", "status"], registry=registry)

    def answered(self, endpoint: str, status: int) -> None:
        self._answers.labels(endpoint, str(status)).inc()
