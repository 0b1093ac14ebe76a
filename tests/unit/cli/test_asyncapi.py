"""The AsyncAPI document describes the pipeline as the topic table has it."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from services.cli import asyncapi
from services.contracts.topics import TOPICS, Topic

_COMMITTED = Path(__file__).parents[3] / "docs" / "asyncapi.json"
_EACH = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(asyncapi.document())
    return document


def _target(whole: dict[str, Any], reference: dict[str, str]) -> Any:
    found: Any = whole
    for part in reference["$ref"].removeprefix("#/").split("/"):
        found = found[unquote(part).replace("~1", "/").replace("~0", "~")]
    return found


def _payloads(whole: dict[str, Any], channel: dict[str, Any]) -> list[dict[str, Any]]:
    """The payload schema of each kind of message on a channel."""
    found: list[dict[str, Any]] = []
    for message in channel["messages"].values():
        payload = _target(whole, _target(whole, message)["payload"])
        found += payload.get("oneOf") or payload.get("anyOf") or [payload]
    return found


def _references(part: Any) -> list[dict[str, str]]:
    if isinstance(part, dict):
        own = [part] if "$ref" in part else []
        return own + [found for value in part.values() for found in _references(value)]
    if isinstance(part, list):
        return [found for value in part for found in _references(value)]
    return []


def test_the_committed_document_is_fresh() -> None:
    """What is committed is what FastStream generates from the code."""
    assert not asyncapi.stale(_COMMITTED), (
        "docs/asyncapi.json differs from the code; run: koi asyncapi > docs/asyncapi.json"
    )


def test_writing_makes_fresh(tmp_path: Path) -> None:
    """Writing mends a missing or altered document, and says whether it had to."""
    path = tmp_path / "docs" / "asyncapi.json"
    assert asyncapi.write(path)
    assert not asyncapi.write(path)
    path.write_text("{}")
    assert asyncapi.stale(path)
    assert asyncapi.write(path)


def test_it_is_asyncapi_3(whole: dict[str, Any]) -> None:
    """Version, title, description and server are there."""
    assert whole["asyncapi"].startswith("3.")
    assert whole["info"]["title"] == "Koipond"
    assert whole["info"]["description"]
    assert [server["protocol"] for server in whole["servers"].values()] == ["kafka"]


def test_every_reference_leads_somewhere(whole: dict[str, Any]) -> None:
    """No reference in the document dangles."""
    references = _references(whole)
    assert references
    for reference in references:
        assert _target(whole, reference) is not None


@_EACH
def test_a_topic_is_a_channel_with_real_payloads(whole: dict[str, Any], topic: Topic) -> None:
    """Every topic is the address of a channel whose messages say what fields they have."""
    channels = [channel for channel in whole["channels"].values() if channel["address"] == topic.name]
    assert channels
    for channel in channels:
        assert topic.about in channel["description"]
        payloads = _payloads(whole, channel)
        assert payloads
        assert all(payload["properties"] for payload in payloads)


@_EACH
def test_operations_match_the_topic_table(whole: dict[str, Any], topic: Topic) -> None:
    """Who sends to a topic and who receives from it is what the table says of its owner and readers."""
    found = {
        (name.split(".")[0], operation["action"])
        for name, operation in whole["operations"].items()
        if _target(whole, operation["channel"])["address"] == topic.name
    }
    owners = asyncapi.SERVICES if topic.owner == asyncapi.EVERY_SERVICE else (topic.owner,)
    sends = {(owner, "send") for owner in owners if owner in asyncapi.SERVICES}
    assert found == sends | {(reader, "receive") for reader in topic.readers if reader in asyncapi.SERVICES}


def test_every_service_both_receives_and_sends(whole: dict[str, Any]) -> None:
    """No service is left out of the document."""
    found = {(name.split(".")[0], operation["action"]) for name, operation in whole["operations"].items()}
    assert found == {(service, action) for service in asyncapi.SERVICES for action in ("send", "receive")}


def test_generating_is_repeatable() -> None:
    """The same code gives the same document."""
    assert asyncapi.document() == asyncapi.document()
