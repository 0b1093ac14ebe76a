"""The servers that system tests run against, started on free loopback ports and stopped with the test session."""
