"""Errors, named by what to do next.

HubError
 |- Retry       the other side or the disk failed for now: the same call may succeed later
 |- Denied      the caller may not: credentials, permission, key
 |- Malformed   this input is wrong: quarantine it and go on, or correct it and call again
 |- Absent      a thing that was named does not exist
 `- Bug         we are wrong: an invariant of the product does not hold

An error carries a text key and values, never a finished sentence: `message("zh")` renders it.
"""

from collections.abc import Mapping

from hubtwin.base.text import text


class HubError(Exception):
    """Base of every error that hubtwin raises on purpose."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values: Mapping[str, object] = values

    def message(self, lang: str = "en") -> str:
        """Return the sentence in `lang` ("zh" or "en"): what is wrong and what to do."""
        return text(self.key, lang, **self.values)

    def __str__(self) -> str:
        return self.message("en")

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.key, dict(self.values)))


def _rebuild(kind: type[HubError], key: str, values: dict[str, object]) -> HubError:
    return kind(key, **values)


class Retry(HubError):
    """The other side failed for now; the same call may succeed later."""


class Denied(HubError):
    """The caller may not do this; retrying unchanged is useless."""


class Malformed(HubError):
    """This input is wrong; a row goes to quarantine and the stream goes on."""


class Absent(HubError):
    """A thing that was named does not exist."""


class Bug(HubError):
    """An invariant of the product does not hold."""
