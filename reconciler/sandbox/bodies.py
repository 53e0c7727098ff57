"""Bodies of HTTP requests: read whole, within a limit of size and time, or refused."""

from __future__ import annotations

import re
import time
from typing import Any, Final, Protocol

from reconciler.sandbox import status

MAX_BODY: Final = 128 * 1024 * 1024
SECONDS: Final = 300.0
"""How long a body may take; each part of it has as long as the connection may be silent."""
_PART: Final = 1024 * 1024
_LINE: Final = 4096
_MAX_TRAILERS: Final = 100
_LENGTH: Final = re.compile(rb"[0-9a-fA-F]{1,15}")


class Unreadable(Exception):
    """The body of a request cannot be read: the connection is of no further use."""

    def __init__(self, details: str, *, code: int = status.BAD_FORMAT, http: int = 0) -> None:
        super().__init__(details)
        self.error = status.PlatformError(code, details, http=http)


class Stream(Protocol):
    """Where the bytes come from; raises TimeoutError if none come for too long."""

    def read1(self, size: int, /) -> bytes:
        """Up to so many bytes, none at the end."""

    def readline(self, size: int, /) -> bytes:
        """Bytes up to the end of the line."""


def read(headers: Any, stream: Stream) -> bytes:
    """The body that the headers announce. Raises ``Unreadable``, and what the connection raises."""
    body = _Body(stream)
    try:
        if "chunked" in (headers.get("Transfer-Encoding") or "").lower():
            body.take_chunks()
        else:
            body.take(_length(headers.get("Content-Length") or "0"))
    except TimeoutError:
        raise Unreadable("the body came too slowly", http=408) from None
    return bytes(body.content)


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Unreadable(f"Content-Length {text[:40]!r} is no number")
    return int(text) if len(text) < 16 else MAX_BODY + 1


class _Body:
    """What has come so far."""

    def __init__(self, stream: Stream) -> None:
        self.content = bytearray()
        self._stream = stream
        self._until = time.monotonic() + SECONDS

    def take(self, length: int) -> None:
        if len(self.content) + length > MAX_BODY:
            details = f"the body is larger than {MAX_BODY} bytes"
            raise Unreadable(details, code=status.TOO_LARGE)
        while length:
            part = self._stream.read1(min(length, _PART))
            if not part:
                raise Unreadable("the body is shorter than its Content-Length")
            if time.monotonic() > self._until:
                raise TimeoutError
            self.content += part
            length -= len(part)

    def take_chunks(self) -> None:
        while length := self._chunk():
            self.take(length)
            if self._stream.readline(_LINE).strip():
                raise Unreadable("a chunk of the body is longer than it says")
        for _ in range(_MAX_TRAILERS):
            if not self._stream.readline(_LINE).strip():
                return
        raise Unreadable("too many lines follow the last chunk of the body")

    def _chunk(self) -> int:
        line = self._stream.readline(_LINE).split(b";")[0].strip()
        if not _LENGTH.fullmatch(line):
            raise Unreadable("a chunk of the body has no length")
        return int(line, 16)
