"""Finds what a browser asks for: a page, a picture, a file that pages refer to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, unquote

from reconciler.sandbox import vision
from reconciler.sandbox.context import World
from reconciler.sandbox.explorer import images, links, pages, render
from reconciler.sandbox.explorer.pages import Picture
from reconciler.sandbox.explorer.reply import HEADERS, NEVER_KEPT, TEXT, Look, Shown, plain

_HTML: Final = "text/html; charset=utf-8"
_BYTES: Final = "application/octet-stream"
_ASK_AGAIN: Final = "no-cache"
_FOR_GOOD: Final = "private, max-age=31536000, immutable"
_FILES: Final[Mapping[str, str]] = MappingProxyType(
    {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
)


def answer(world: World, look: Look) -> Shown:
    """Answer a request that may be answered."""
    parts = _parts(look.path)
    if len(parts) == 1 and parts[0] in _FILES:
        return _file(_FILES[parts[0]], render.asset(parts[0]), look)
    query = dict(parse_qsl(look.query, errors="replace"))
    origin = f"http://{look.host}"
    found = pages.find(world, parts, query, origin)
    if isinstance(found.what, Picture):
        return _picture(found.what, look)
    body = render.html(found.what, found.scope, origin)
    return Shown(found.status, body, _HTML, {**HEADERS, "Cache-Control": NEVER_KEPT})


def _parts(path: str) -> tuple[str, ...]:
    """What stands behind the prefix, decoded; a slash at the end does not count."""
    if path == links.ICON:
        return ("icon.svg",)
    parts = tuple(unquote(part, errors="replace") for part in path.split("/")[2:])
    return parts[:-1] if parts and not parts[-1] else parts


def _picture(picture: Picture, look: Look) -> Shown:
    if picture.name == images.ORIGINAL:
        saved = {"Cache-Control": NEVER_KEPT, "Content-Disposition": "attachment"}
        return Shown(200, picture.content, _BYTES, {**HEADERS, **saved})
    # The address names the content too, so a browser need never ask for it again.
    headers = {"ETag": f'"{picture.sha256}-{picture.name}"', "Cache-Control": _FOR_GOOD}
    if look.tag == headers["ETag"]:
        return _unchanged(headers)
    try:
        content_type, body = images.scaled(picture.content, picture.name)
    except vision.ImageError as error:
        return plain(415, f"This input cannot be shown: {error}.")
    return Shown(200, body, content_type, {**HEADERS, **headers})


def _file(content_type: str, body: bytes, look: Look) -> Shown:
    headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "Cache-Control": _ASK_AGAIN}
    if look.tag == headers["ETag"]:
        return _unchanged(headers)
    return Shown(200, body, content_type, {**HEADERS, **headers})


def _unchanged(headers: Mapping[str, str]) -> Shown:
    return Shown(304, b"", TEXT, {**HEADERS, **headers})
