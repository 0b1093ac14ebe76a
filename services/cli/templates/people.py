"""Whose values a preview is filled in with: of a profile in a file, or of a customer of the running pipeline.

What a message would tell is worked out by the very function that rules use.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from services.cli.explain.account import NobodyThere
from services.cli.explain.ahead import days_of
from services.cli.explain.live import Found, Ledger, absence, found_state
from services.contracts import wire
from services.contracts.calendar import to_ms
from services.contracts.errors import InvalidMessage
from services.contracts.profile import Profile
from services.notifier.templates.card import CUSTOMER
from services.notifier.templates.values import Value
from services.rules.book.rulebook import Rulebook
from services.rules.engine.parameters import parameters, tier_parameters
from services.rules.engine.state import unpack_profile
from services.rules.language.scene import Scene
from services.runtime.settings import Settings

Find: TypeAlias = Callable[[str, Settings], Coroutine[Any, Any, Found]]


def of_profile(profile: Profile, now: datetime, tiers: Mapping[str, str]) -> dict[str, Value]:
    """What every message about that customer would tell at `now`. `tiers` by ladder."""
    scene = Scene(profile, to_ms(now), days_of(profile.zone), tiers)
    return {**parameters(scene), **tier_parameters(scene), CUSTOMER: profile.customer_id}


def of_file(file: Path) -> dict[str, Value]:
    """The same of a profile as it is on koi.profiles, as of its own instant. Raise `ValueError` for what is none."""
    try:
        profile = wire.PROFILES.decode(file.read_bytes())
    except InvalidMessage as error:
        raise ValueError(f"{file}: this is no profile as on koi.profiles: {error.detail}") from None
    if not isinstance(profile, Profile):
        raise ValueError(f"{file}: this is a tick of the clock, not a profile")  # noqa: TRY004 - the file is wrong
    return of_profile(profile, profile.as_of, {})


def of_customer(customer_id: str, settings: Settings, book: Rulebook, find: Find = found_state) -> dict[str, Value]:
    """The same of the live state, as of now; `book` says which ladders there are. Raise `NobodyThere` and `KoipondError`."""
    found = asyncio.run(find(customer_id, settings))
    if found.state is None:
        raise NobodyThere(absence(customer_id, settings, found, Ledger()))
    moved = {ladder: place.tier for ladder, place in found.state.tiers.items()}
    # who was never moved stands on the lowest
    tiers = {ladder.name: moved.get(ladder.name, ladder.tiers[0].name) for ladder in book.ladders}
    return of_profile(unpack_profile(found.state.profile), found.now, tiers)
