"""All metrics of the pipeline, in one place. Labels come from enums and from topic and rule names, never from customers."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)


class Telemetry:
    """One registry per process.

    | metric | meaning | if it moves |
    |---|---|---|
    | koi_records_total | records processed | compare with what upstream publishes |
    | koi_records_skipped_total{why} | replayed after a crash, or repeated by ingest | rises after a restart, then rests |
    | koi_contacts_not_carried_total | addresses that ingest had no key to seal with | set KOI_CONTACTS_KEY, publish them again |
    | koi_dead_letters_total{reason} | records that could not be processed | read koi.deadletter |
    | koi_batch_seconds | time of one round of load, fold, publish, commit | the slower of Kafka and Redis |
    | koi_event_latency_seconds | from occurred_at to committed here, for the oldest record of each batch | upstream late, or lag |
    | koi_timers_fired_total | things that time alone made happen | |
    | koi_consumer_lag_messages | records not yet processed, by partition | add workers |
    | koi_rebalances_total | partitions given or taken | should rest |
    | koi_failures_total{why} | batches dropped and read again | see the log |
    | koi_owned_partitions, koi_ready | partitions claimed; 1 when ready | |
    | koi_rule_decisions_total{rule,outcome} | decisions | |
    | koi_rules_last_reload_successful | 1 when the rule files as they are now were read | 0: `koi rules check` says why; the old set is at work |
    | koi_rules_last_reload_seconds | Unix time at which the set at work was loaded | |
    | koi_rules_reloads_total{outcome} | rule files read after a change | |
    | koi_rules_info{hash} | the rule set at work; the same on all workers | differs for long: a worker has other files |
    | koi_rules_loaded{kind} | ladders and campaigns in it | |
    | koi_notifications_total{channel,outcome,reason} | receipts | |
    """

    def __init__(self, service: str, version: str) -> None:
        self.registry = CollectorRegistry()
        self._service = service
        label = ["service"]

        def counter(name: str, about: str, labels: list[str]) -> Counter:
            return Counter(name, about, labels, registry=self.registry)

        self._records = counter("koi_records", "Records processed.", label)
        self._skipped = counter("koi_records_skipped", "Records skipped as known.", [*label, "why"])
        self._dead_letters = counter("koi_dead_letters", "Records that could not be processed.", [*label, "reason"])
        self._not_carried = counter("koi_contacts_not_carried", "Addresses left behind for want of a key.", label)
        self._timers = counter("koi_timers_fired", "Timers fired.", label)
        self._rebalances = counter("koi_rebalances", "Assignments given or taken.", label)
        self._failures = counter("koi_failures", "Batches dropped and read again.", [*label, "why"])
        self._decisions = counter("koi_rule_decisions", "Decisions of rules.", ["rule", "outcome"])
        self._receipts = counter("koi_notifications", "What became of commands.", ["channel", "outcome", "reason"])
        self._batch = Histogram(
            "koi_batch_seconds", "Seconds for one round.", label, buckets=_LATENCY_BUCKETS, registry=self.registry
        )
        self._latency = Histogram(
            "koi_event_latency_seconds",
            "Seconds from occurred_at to committed, of the oldest record of a batch.",
            label,
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._lag = Gauge(
            "koi_consumer_lag_messages", "Records not yet processed.", ["topic", "partition"], registry=self.registry
        )
        self._owned = Gauge("koi_owned_partitions", "Partitions claimed.", label, registry=self.registry)
        self._ready = Gauge("koi_ready", "1 when ready.", label, registry=self.registry)
        self._rules: RuleMetrics | None = None
        Info("koi_build", "What runs here.", registry=self.registry).info({"service": service, "version": version})
        # zero is visible from the start
        for metric in (self._records, self._timers, self._rebalances, self._batch, self._latency):
            metric.labels(service)
        for why in ("replayed", "repeated"):
            self._skipped.labels(service, why)
        for why in ("retryable", "store", "fenced", "flooded", "internal"):
            self._failures.labels(service, why)

    def batch(self, service: str, records: int, timers: int, seconds: float) -> None:
        self._records.labels(service).inc(records)
        self._timers.labels(service).inc(timers)
        self._batch.labels(service).observe(seconds)

    def skipped(self, service: str, why: str, count: int) -> None:
        if count:
            self._skipped.labels(service, why).inc(count)

    def contacts_not_carried(self, service: str, count: int) -> None:
        self._not_carried.labels(service).inc(count)

    def dead_letter(self, service: str, reason: str) -> None:
        self._dead_letters.labels(service, reason).inc()

    def latency(self, service: str, seconds: float) -> None:
        self._latency.labels(service).observe(max(0.0, seconds))

    def rebalance(self) -> None:
        self._rebalances.labels(self._service).inc()

    def failure(self, why: str) -> None:
        self._failures.labels(self._service, why).inc()

    def lag(self, topic: str, partition: int, messages: int) -> None:
        self._lag.labels(topic, partition).set(messages)

    def forget_lag(self, topic: str, partition: int) -> None:
        self._lag.remove(topic, str(partition))

    def owned(self, count: int) -> None:
        self._owned.labels(self._service).set(count)

    def ready(self, ready: bool) -> None:
        self._ready.labels(self._service).set(int(ready))

    def decision(self, rule: str, outcome: str) -> None:
        self._decisions.labels(rule, outcome).inc()

    def rules_loaded(self, digest: str, ladders: int, campaigns: int) -> None:
        self._of_rules().loaded(digest, ladders, campaigns)

    def rules_read(self, *, sound: bool) -> None:
        self._of_rules().read(sound=sound)

    def receipt(self, channel: str, outcome: str, reason: str) -> None:
        self._receipts.labels(channel, outcome, reason).inc()

    def _of_rules(self) -> "RuleMetrics":
        # made by the service that has rules: the others would show a reload that never succeeded
        if self._rules is None:
            self._rules = RuleMetrics(self.registry)
        return self._rules


class RuleMetrics:
    """Metrics of the service that has rules."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sound = Gauge(
            "koi_rules_last_reload_successful", "1 when the rule files of now were read.", registry=registry
        )
        self._since = Gauge("koi_rules_last_reload_seconds", "Unix time of the set at work.", registry=registry)
        self._reloads = Counter("koi_rules_reloads", "Rule files read.", ["outcome"], registry=registry)
        self._info = Info("koi_rules", "The rule set at work.", registry=registry)
        self._loaded = Gauge("koi_rules_loaded", "Rules in it.", ["kind"], registry=registry)
        for outcome in ("read", "refused"):
            self._reloads.labels(outcome)

    def loaded(self, digest: str, ladders: int, campaigns: int) -> None:
        self._info.info({"hash": digest})
        self._loaded.labels("ladder").set(ladders)
        self._loaded.labels("campaign").set(campaigns)
        self._since.set_to_current_time()

    def read(self, *, sound: bool) -> None:
        self._sound.set(int(sound))
        self._reloads.labels("read" if sound else "refused").inc()
