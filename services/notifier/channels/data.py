"""A message as data, for channels that pass it on to somebody else's program. Pure."""

from typing import Any

import msgspec

from services.notifier.message import Parcel


def as_data(parcel: Parcel) -> dict[str, Any]:
    """The message, and its text, title and language where there is one; never an address."""
    data = {key: value for key, value in msgspec.structs.asdict(parcel.message).items() if key != "variant" or value}
    if parcel.content is not None:
        data |= {"text": parcel.content.text, "language": parcel.content.language}
        if parcel.content.title is not None:
            data["title"] = parcel.content.title
    return data
