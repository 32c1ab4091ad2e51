"""The errors a person is meant to see; everything else is a bug and is logged once at the edge.

    KilowiseError                 expected: has a code, parameters, an HTTP status, a next step
    ├── InvalidInput        422   what was sent cannot be accepted as it is
    ├── NotSignedIn         401   no valid session
    ├── NotAllowed          403   signed in, but the role does not permit it
    ├── NotFound            404   does not exist, or belongs to somebody else: the same answer
    ├── Conflict            409   the thing changed, or exists already
    ├── TooMuch             429   a limit or quota is reached
    ├── Unavailable         503   a part that is needed does not answer now; try again
    └── OperatingError            for the console: what is wrong, where, and what to do
        ├── SettingError          a setting has a value that cannot be used
        ├── PostgresError         the embedded PostgreSQL cannot be started or stopped
        └── DatabaseError         the database is missing, foreign, too old or too new

Codes and parameters are stored and sent, never sentences; the texts come from the shared
catalogue under `errors.<code>` and `errors.<code>.next`. Only OperatingError carries a sentence,
because it is read where the catalogue cannot be shown.
"""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Param = str | int | float | bool | None
"""What a text of the catalogue can be filled with."""


class KilowiseError(Exception):
    """An expected error: reaches the user as a code with parameters and a next step."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, code: str | None = None, **params: Param) -> None:
        """Take the catalogue's code (the class's own when None) and the text's parameters."""
        self.error_code = code or self.code
        self.params: Mapping[str, Param] = params
        super().__init__(self.error_code)

    @property
    def text_key(self) -> str:
        """The catalogue's key of the sentence that says what happened."""
        return f"errors.{self.error_code}"

    @property
    def next_key(self) -> str:
        """The catalogue's key of the sentence that says what to do next."""
        return f"errors.{self.error_code}.next"

    def __str__(self) -> str:
        """Answer the code and its parameters, for logs."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.error_code}({shown})"


class InvalidInput(KilowiseError):
    """What was sent cannot be accepted as it is."""

    code = "invalid_input"
    status = 422


class NotSignedIn(KilowiseError):
    """There is no valid session."""

    code = "not_signed_in"
    status = 401


class NotAllowed(KilowiseError):
    """The role does not permit it."""

    code = "not_allowed"
    status = 403


class NotFound(KilowiseError):
    """It does not exist, or belongs to another project: both get the same answer."""

    code = "not_found"
    status = 404


class Conflict(KilowiseError):
    """It changed in the meantime, or exists already."""

    code = "conflict"
    status = 409


class TooMuch(KilowiseError):
    """A limit or quota is reached."""

    code = "too_much"
    status = 429


class Unavailable(KilowiseError):
    """A part that is needed does not answer now."""

    code = "unavailable"
    status = 503


class OperatingError(KilowiseError):
    """Something the operator must put right; `sentence` says what, where, and what to do."""

    code = "operating"

    def __init__(self, sentence: str) -> None:
        """Take the whole sentence for the console."""
        super().__init__(self.code, sentence=sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        """Answer the sentence."""
        return self.sentence


class SettingError(OperatingError):
    """A setting has a value that cannot be used."""

    code = "setting"


class PostgresError(OperatingError):
    """The embedded PostgreSQL cannot be started or stopped."""

    code = "postgres"


class DatabaseError(OperatingError):
    """The database is missing, foreign, too old or too new."""

    code = "database"
