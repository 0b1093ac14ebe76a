"""What `koi silence` does."""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape

from services.cli.silence.asking import Wish, expired, forgotten, meant
from services.cli.silence.names import known_names
from services.cli.silence.showing import as_json, in_words, table
from services.cli.silence.topic import read_silences, write_silences
from services.cli.terminal import ERR, OUT
from services.contracts.silence import Silence
from services.runtime.settings import Settings

_ID_BYTES = 8


def add(wish: Wish, rules: Path | None) -> None:
    """Put it up and print its id. Raise `ValueError`, `FileError` and `Retryable`."""
    settings, now = _settings(), datetime.now(UTC)
    asked = replace(wish, known=known_names(rules))
    silence = asked.silence(secrets.token_hex(_ID_BYTES), now, settings.tz)
    asyncio.run(_write(settings, [silence], now))
    until = silence.ends_at.astimezone(settings.tz).isoformat(" ", "minutes")
    ERR.print(f"{in_words(silence.matcher)}: silent until {until}", markup=False, highlight=False)
    OUT.print(silence.id, highlight=False)


def show(*, over: bool, json: bool) -> None:
    settings, now = _settings(), datetime.now(UTC)
    there = [s for s in asyncio.run(read_silences(settings)) if over or now < s.ends_at]
    if json:
        OUT.file.write(as_json(there, now))
    elif there:
        OUT.print(table(there, now, settings.tz), highlight=False)
    else:
        OUT.print("nothing is silenced" if not over else "nothing was silenced")


def expire(prefixes: Sequence[str]) -> None:
    """End all of them, or none. Raise `NoSuchSilence` and `Retryable`."""
    settings, now = _settings(), datetime.now(UTC)
    found = meant(prefixes, asyncio.run(read_silences(settings)), now)
    asyncio.run(_write(settings, [expired(silence, now) for silence in found], now))
    for silence in found:
        OUT.print(f"{silence.id}: {escape(in_words(silence.matcher))} is no longer silent", highlight=False)


async def _write(settings: Settings, silences: Sequence[Silence], now: datetime) -> None:
    await write_silences(settings, silences, forgotten(await read_silences(settings), now))


def _settings() -> Settings:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is in our one line
    return Settings()
