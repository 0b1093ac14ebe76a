"""The embedded stack: a Kafka-protocol broker and a Redis-protocol store from wheels, as child processes.

It serves the demo, the benchmark and tests on machines without a JVM or Docker. It keeps everything in memory on one
node and is never a place for production data.
"""
