"""Images for a browser: decoded and made anew, so that it shows no uploaded byte as it came. Those are
for programs, at the address that inputs have in answers, and a browser only saves them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from PIL import Image

from reconciler.sandbox import vision

SIDES: Final[Mapping[str, int]] = MappingProxyType({"thumbnail": 360, "picture": 1600})
"""The longer side in pixels, by the last part of the address."""

ORIGINAL: Final = "orig"

_EXACT: Final = 256 * 256
"""Pictures of so few pixels go out without loss."""


def scaled(content: bytes, name: str) -> tuple[str, bytes]:
    """Type and bytes of an image, no larger than ``SIDES`` says. Raises ``vision.ImageError``."""
    side = SIDES[name]
    picture = vision.picture(content, whole=name != "thumbnail")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    exact = picture.width * picture.height <= _EXACT
    buffer = io.BytesIO()
    if exact:
        picture.save(buffer, "PNG")
    else:
        picture.save(buffer, "JPEG", quality=86)
    return ("image/png" if exact else "image/jpeg"), buffer.getvalue()
