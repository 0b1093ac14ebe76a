"""An access token is fetched once for all who need it."""

import asyncio

import pytest

from services.notifier.channels.access_token import AccessToken, Fetched, Token
from services.notifier.channels.base import Refused, Unavailable


class Office:
    """Gives out tokens when told to, and counts how often it was asked."""

    def __init__(self, expires_in_s: float = 100.0) -> None:
        self.asked = 0
        self.opened = asyncio.Event()
        self.instead: Fetched | None = None
        self._expires_in_s = expires_in_s

    async def fetch(self) -> Fetched:
        self.asked += 1
        await self.opened.wait()
        return self.instead or Token(f"token-{self.asked}", self._expires_in_s)


@pytest.fixture
def office() -> Office:
    return Office()


async def test_many_wait_for_one_call(office: Office) -> None:
    """A hundred at once cause a single fetch, and all get its token."""
    token = AccessToken(office.fetch)
    waiting = [asyncio.create_task(token.get()) for _ in range(100)]
    await asyncio.sleep(0)
    office.opened.set()
    assert set(await asyncio.gather(*waiting)) == {"token-1"}
    assert (await token.get(), office.asked) == ("token-1", 1)


async def test_a_stale_token_is_replaced_once(office: Office) -> None:
    """All who were told that theirs is stale get the same new one; an old complaint about another changes nothing."""
    office.opened.set()
    token = AccessToken(office.fetch)
    assert await token.get() == "token-1"
    assert await asyncio.gather(*(token.get(stale="token-1") for _ in range(50))) == ["token-2"] * 50
    assert await token.get(stale="token-1") == "token-2"
    assert office.asked == 2


async def test_a_token_that_expired_is_not_used() -> None:
    """One that is given for no time at all is fetched for each use."""
    office = Office(expires_in_s=0.0)
    office.opened.set()
    token = AccessToken(office.fetch)
    assert [await token.get() for _ in range(2)] == ["token-1", "token-2"]


@pytest.mark.parametrize("failure", [Refused("no"), Unavailable("later")])
async def test_a_failure_is_everybodys_and_not_kept(office: Office, failure: Refused | Unavailable) -> None:
    """Those who waited hear of it; the next one asks again."""
    office.opened.set()
    office.instead = failure
    token = AccessToken(office.fetch)
    assert await asyncio.gather(*(token.get() for _ in range(2))) == [failure, failure]
    assert office.asked == 1
    office.instead = None
    assert await token.get() == "token-2"


async def test_one_who_gives_up_does_not_take_the_call_away(office: Office) -> None:
    """The fetch goes on for the others."""
    token = AccessToken(office.fetch)
    impatient, patient = asyncio.create_task(token.get()), asyncio.create_task(token.get())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    office.opened.set()
    assert await patient == "token-1"
    assert (impatient.cancelled(), office.asked) == (True, 1)


async def test_closing_ends_a_call_under_way(office: Office) -> None:
    """Nothing is left running."""
    token = AccessToken(office.fetch)
    waiting = asyncio.create_task(token.get())
    await asyncio.sleep(0)
    await token.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_a_token_does_not_show() -> None:
    """Printing one is harmless."""
    assert "secret" not in repr(Token("secret", 1.0))
