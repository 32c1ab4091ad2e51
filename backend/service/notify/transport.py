"""What a channel raises when a delivery failed: the retry policy is in the exception."""


class TransportError(Exception):
    """A delivery failed; tried again after `retry_after_s` unless `permanent`.

    `gone` means that the recipient's address no longer exists and is to be forgotten.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        gone: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        """Take a sentence for the delivery's record."""
        super().__init__(message)
        self.permanent = permanent or gone
        self.gone = gone
        self.retry_after_s = retry_after_s
