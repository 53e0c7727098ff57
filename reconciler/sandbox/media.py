"""The medium of an input: where its bytes are, how they are fetched, what can be told of a picture."""

from __future__ import annotations

import hashlib
import http.client
import io
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from PIL import Image, UnidentifiedImageError

from reconciler.sandbox import status
from reconciler.sandbox.models.job import Media
from reconciler.sandbox.scores import Scores

Kind: TypeAlias = Literal["image", "text", "video", "audio"]

KINDS: Final[tuple[Kind, ...]] = ("image", "text", "video", "audio")
MAX_BYTES: Final = 20 * 1024 * 1024
_TIMEOUT: Final = 10.0
_SERVER_ERRORS: Final = 500
_WEB: Final = ("http://", "https://")


def kind_of(data: Any) -> Kind | None:
    """Which medium a ``Data`` carries; None without one."""
    for kind in KINDS:
        if data.HasField(kind):
            return kind
    return None


def url_of(data: Any) -> str:
    """The URL of the medium, if it has one."""
    kind = kind_of(data)
    return str(getattr(data, kind).url) if kind else ""


def caption_of(data: Any) -> str:
    """The text that stands beside an image."""
    return str(data.text.raw) if kind_of(data) == "image" else ""


def take_bytes(data: Any) -> bytes | None:
    """The bytes that came with the request; they are taken out of the message (text stays)."""
    kind = kind_of(data)
    if kind is None:
        return None
    medium = getattr(data, kind)
    if kind == "text":
        return str(medium.raw).encode() if medium.raw else None
    content = bytes(medium.base64)
    medium.ClearField("base64")
    return content or None


def digest(content: bytes) -> str:
    """The SHA-256 of some bytes in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def open_medium(
    data: Any, sha256: str, stored: Callable[[str], bytes | None], scores: Scores
) -> Media:
    """The medium of an input, its bytes taken from the store or fetched from its URL.

    Raises ``PlatformError`` 30002 where there is neither: no reachable URL and no scripted scores.
    """
    kind = kind_of(data)
    if kind is None:
        raise status.PlatformError(status.INPUT_FAILED, "the input has no medium")
    url, regions = url_of(data), tuple(data.regions)
    beside = caption_of(data)
    if kind == "text" and data.text.raw:
        content = str(data.text.raw).encode()
        return Media(kind, content, url, digest(content), regions)
    if sha256:
        return Media(kind, stored(sha256), url, sha256, regions, beside)
    if kind != "text" and scores.speaks_of(url):
        return Media(kind, None, url, "", regions, beside)
    content = fetch(url)
    if kind == "text":
        read_text(content)
    return Media(kind, content, url, digest(content), regions, beside)


def read_text(content: bytes) -> str:
    """The text of such bytes; raises ``PlatformError`` 30002 if they are no UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise status.PlatformError(
            status.INPUT_FAILED, f"the bytes are no UTF-8 text: byte {error.start} fits nowhere"
        ) from error


def fetch(url: str) -> bytes:
    """The bytes behind a web address. Raises ``PlatformError`` 30002."""
    if not url.lower().startswith(_WEB):
        raise _failed(url, "only http and https addresses are fetched")
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "reconciler-sandbox"})
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            content: bytes = answer.read(MAX_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            # Recorded: what the platform says of a URL that answers with an error.
            whose = "Client" if error.code < _SERVER_ERRORS else "Server"
            raise status.PlatformError(
                status.INPUT_FAILED, f"{error.code} {whose} Error: {error.reason} for url: {url}"
            ) from error
        raise _failed(url, str(reason)) from error
    if len(content) > MAX_BYTES:
        raise _failed(url, f"more than {MAX_BYTES} bytes")
    return content


def _failed(url: str, reason: str) -> status.PlatformError:
    return status.PlatformError(
        status.INPUT_FAILED, f"INPUT_DOWNLOAD_FAILED: {url or 'no url and no bytes'}: {reason}"
    )


def describe_text(data: Any, content: bytes) -> None:
    """Fill in how many characters the text has; raises ``PlatformError`` 30002 for no UTF-8."""
    data.text.text_info.char_count = len(read_text(content))
    data.text.text_info.encoding = "UTF-8"


def describe_image(data: Any, content: bytes) -> None:
    """Fill in width, height and format; raises ``PlatformError`` 30002 if it is no image."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height, name = image.width, image.height, image.format or ""
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise status.PlatformError(
            status.INPUT_FAILED, f"the bytes are no image that can be read: {type(error).__name__}"
        ) from error
    except Image.DecompressionBombError as error:
        raise status.PlatformError(status.INPUT_FAILED, "the image is too large") from error
    info = data.image.image_info
    info.width, info.height, info.format = width, height, name
