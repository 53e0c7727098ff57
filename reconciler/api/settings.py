"""Which service, as whom, how fast: checked once, from a mapping that is handed in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypedDict, Unpack
from urllib.parse import urlsplit

from reconciler.errors import SettingsError

DEFAULT_BASE_URL = "https://api.clarifai.com"
TOKEN_HINT = (
    "create a personal access token in the portal (Settings > Secrets) and export it as "
    "CLARIFAI_PAT, or add --sandbox to work on the local platform without one"
)


class Secret:
    """A text that shows itself only when asked: printed, logged or formatted it is ``***``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written to files")


class Overrides(TypedDict, total=False):
    """What the command line may say; None or empty text means that it says nothing."""

    base_url: str | None
    token: Secret | None
    user_id: str | None
    app_id: str | None
    max_rps: float | None
    max_retries: int | None
    parallelism: int | None
    connect_timeout: float | None
    read_timeout: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a client needs. Raises SettingsError when a value is unusable.

    ``base_url`` is kept without a trailing slash and without ``/v2``. ``app_id`` is empty when
    neither environment nor command line names one. Timeouts are seconds; ``read_timeout`` is the
    longest silence within an answer.
    """

    base_url: str = DEFAULT_BASE_URL
    token: Secret
    user_id: str = "me"
    app_id: str = ""
    max_rps: float = 15.0
    max_retries: int = 4
    parallelism: int = 8
    connect_timeout: float = 10.0
    read_timeout: float = 60.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", normalise_base_url(self.base_url))
        _check_token(self.token)
        _check_id("user id", "CLARIFAI_USER_ID", self.user_id)
        _check_id("app id", "CLARIFAI_APP_ID", self.app_id)
        _check_positive("--max-rps", self.max_rps)
        _check_positive("the connect timeout", self.connect_timeout)
        _check_positive("the read timeout", self.read_timeout)
        _check_range("--max-retries", self.max_retries, 0, 100)
        _check_range("--parallelism", self.parallelism, 1, 64)

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], **overrides: Unpack[Overrides]
    ) -> Settings:
        """Settings of the official variable names, an override winning over its variable.

        What is set to nothing counts as not set. Reads only what it is handed.
        """
        known = {
            "base_url": environ.get("CLARIFAI_API_BASE", "").strip(),
            "user_id": environ.get("CLARIFAI_USER_ID", "").strip(),
            "app_id": environ.get("CLARIFAI_APP_ID", "").strip(),
        }
        values: dict[str, object] = {name: text for name, text in known.items() if text}
        values["token"] = Secret(environ.get("CLARIFAI_PAT", ""))
        values |= {name: value for name, value in overrides.items() if value not in (None, "")}
        return cls(**values)  # type: ignore[arg-type]  # the keys are those of Overrides


def normalise_base_url(text: str) -> str:
    """The base URL without trailing slashes and ``/v2``. Raises SettingsError if unusable."""
    url = text.strip()
    hint = f"write it like {DEFAULT_BASE_URL} (CLARIFAI_API_BASE or --base-url)"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"the base URL {url!r} cannot be read: {error}", hint=hint) from error
    if "@" in parts.netloc:
        # Not shown: what stands before the @ is a password.
        raise SettingsError("the base URL holds a user name or password", hint=hint)
    if parts.scheme not in {"http", "https"}:
        raise SettingsError(f"the base URL {url!r} does not begin with http(s)://", hint=hint)
    if not parts.hostname or port == 0:
        raise SettingsError(f"the base URL {url!r} names no host and port", hint=hint)
    if parts.query or parts.fragment or any(mark.isspace() for mark in url):
        raise SettingsError(f"the base URL {url!r} has more than host and path", hint=hint)
    path = parts.path.rstrip("/").removesuffix("/v2").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _check_token(token: Secret) -> None:
    text = token.reveal()
    if not text.strip():
        raise SettingsError("no token: CLARIFAI_PAT is not set", hint=TOKEN_HINT)
    if text.startswith("Key "):
        raise SettingsError(
            "the token in CLARIFAI_PAT begins with the word Key",
            hint="give the token alone, the word is added when it is sent",
        )
    if any(mark.isspace() for mark in text):
        raise SettingsError(
            "the token in CLARIFAI_PAT holds a space or a line break",
            hint="copy it again, in one piece",
        )
    if not (text.isascii() and text.isprintable()):
        raise SettingsError(
            "the token in CLARIFAI_PAT holds a character that no token has",
            hint="copy it again: it is made of ASCII letters, digits and signs",
        )


def _check_id(what: str, variable: str, text: str) -> None:
    if "/" in text or not text.isprintable() or any(mark.isspace() for mark in text):
        raise SettingsError(
            f"the {what} {text!r} holds a space, a slash or a control character",
            hint=f"{variable} is the id as the portal shows it, not a URL or a name",
        )


def _check_positive(what: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise SettingsError(f"{what} is {value}", hint="it must be a number above 0")


def _check_range(what: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise SettingsError(f"{what} is {value}", hint=f"it must be from {lowest} to {highest}")
