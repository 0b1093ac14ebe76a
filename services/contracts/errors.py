"""The few exceptions that cross module borders. Their messages are written for the person who must act."""


class KoipondError(Exception):
    """Base of all errors Koipond raises on purpose."""


class InvalidMessage(KoipondError):  # noqa: N818 - the field's own word for it
    """A record that can never be processed; it belongs into the dead letter.

    `reason` is a short stable code (it becomes a metric label), `detail` a sentence with the place and a hint.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Stopped(KoipondError):  # noqa: N818
    """A service was told to stop before it had started."""


class Retryable(KoipondError):  # noqa: N818
    """Something outside is away for the moment; the same work may succeed later."""
