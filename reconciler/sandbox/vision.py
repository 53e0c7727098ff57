"""The public embedding model: a photograph becomes a vector of shapes, brightness and colours.

A classical global descriptor, small enough for any machine: histograms of oriented gradients at two
scales, a thumbnail of brightness and a smaller one of colour.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from skimage.feature import hog

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_PIXELS: Final = 50_000_000
"""Both limits are the sandbox's own: what a small machine decodes in a moment."""

Image.init()  # loads the decoders, so that naming formats below finds them
_FORMATS: Final = tuple(
    name
    for name in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
    if name in Image.OPEN  # a build of Pillow may leave WebP out
)
# What Pillow's decoders let out for bytes that are broken somewhere in the middle.
_DECODER_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    AttributeError,
    struct.error,
    zlib.error,
)

_SIDE: Final = 64
_THUMBNAIL: Final = 8
_COLOURS: Final = 4
_FINE_CELL, _COARSE_CELL = 16, 8
# Above this many times the working size an image is first averaged down, which is quick.
_ROUGH: Final = 4 * _SIDE


Box: TypeAlias = tuple[float, float, float, float]
"""Top, left, bottom and right of a region, as shares of the picture's height and width."""


class ImageError(ValueError):
    """An input that the embedding model cannot read; ``code`` is the platform's status code."""

    code: ClassVar[int]


class NotAnImage(ImageError):
    """The bytes are no image of a known format, or are damaged."""

    code = 30101  # INPUT_UNSUPPORTED_FORMAT


class ImageTooLarge(ImageError):
    """More bytes or pixels than the sandbox decodes."""

    code = 30105  # INPUT_OVER_LIMIT


def embed(image_bytes: bytes) -> tuple[float, ...]:
    """The vector of an encoded image, always of the same length, in float32 precision.

    The parts are scaled so that each has about the same say in a distance. Raises NotAnImage and
    ImageTooLarge.
    """
    picture = _decode(image_bytes)
    fine = picture.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).convert("L")
    thumbnail = picture.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX).convert("L")
    # The coarse scale looks at the thumbnail, smoothly enlarged: it sees the same shapes whether
    # a small picture was enlarged smoothly, in blocks or not at all.
    coarse = thumbnail.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    colours = picture.resize((_COLOURS, _COLOURS), Image.Resampling.BOX)
    vector = np.concatenate(
        (
            _shapes(fine, _FINE_CELL),
            _shapes(coarse, _COARSE_CELL),
            _levels(thumbnail),
            _levels(colours),
        )
    )
    return tuple(vector.astype(np.float32).tolist())


def picture(image_bytes: bytes, *, whole: bool = True) -> Image.Image:
    """The picture in RGB, upright, on white where it is transparent; not ``whole``: rather small.

    Raises NotAnImage and ImageTooLarge.
    """
    return _decode(image_bytes, whole=whole)


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a picture as PNG; its sides in pixels."""

    content: bytes
    width: int
    height: int


def crops(image_bytes: bytes, boxes: Sequence[Box], margin: float) -> tuple[Crop | None, ...]:
    """The part in each box, made ``margin`` times as large about its centre; None for an empty one.

    What reaches beyond the picture is cut off. Raises NotAnImage and ImageTooLarge.
    """
    picture = _decode(image_bytes, whole=True)
    return tuple(_crop(picture, box, margin) for box in boxes)


def _crop(picture: Image.Image, box: Box, margin: float) -> Crop | None:
    top, left, bottom, right = box
    if not (top < bottom and left < right):  # also where a side is no number
        return None
    more_high, more_wide = (bottom - top) * (margin - 1) / 2, (right - left) * (margin - 1) / 2
    rows = _span(top - more_high, bottom + more_high, picture.height)
    columns = _span(left - more_wide, right + more_wide, picture.width)
    if rows is None or columns is None:
        return None
    part = picture.crop((columns[0], rows[0], columns[1], rows[1]))
    buffer = io.BytesIO()
    part.save(buffer, "PNG")
    return Crop(buffer.getvalue(), part.width, part.height)


def _span(start: float, end: float, pixels: int) -> tuple[int, int] | None:
    """The pixels that a stretch touches, at least one; None outside the picture."""
    first = max(0, round(max(start, 0.0) * pixels))
    last = min(pixels, round(min(end, 1.0) * pixels))
    if start >= 1 or end <= 0:
        return None
    return (first, last) if first < last else (min(first, pixels - 1), min(first, pixels - 1) + 1)


def _shapes(picture: Image.Image, cell: int) -> npt.NDArray[np.float64]:
    blocks_a_side = _SIDE // cell - 1
    histogram: npt.NDArray[np.float64] = hog(
        np.asarray(picture, dtype=np.float64) / 255,
        orientations=9,
        pixels_per_cell=(cell, cell),
        cells_per_block=(2, 2),
        block_norm="L2-Hys",
    )
    return histogram / blocks_a_side  # each block has length one, so the whole has too


def _levels(picture: Image.Image) -> npt.NDArray[np.float64]:
    levels: npt.NDArray[np.float64] = np.asarray(picture, dtype=np.float64).ravel() / 255
    return levels / float(np.sqrt(levels.size))


def _decode(image_bytes: bytes, *, whole: bool = False) -> Image.Image:
    """The picture in RGB, upright, on white where it is transparent; small unless ``whole``."""
    if len(image_bytes) > MAX_BYTES:
        raise ImageTooLarge(
            f"the image has {len(image_bytes):,} bytes, more than the {MAX_BYTES:,} allowed"
        )
    try:
        with Image.open(io.BytesIO(image_bytes), formats=_FORMATS) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise ImageTooLarge(_too_many_pixels(f"{width} x {height}"))
            if not whole:
                opened.draft(None, (_ROUGH, _ROUGH))
            return _rgb(ImageOps.exif_transpose(opened), whole=whole)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(_too_many_pixels("decompressed")) from error
    except ImageError:
        raise
    except _DECODER_ERRORS as error:
        detail = (
            "no known image format"
            if isinstance(error, UnidentifiedImageError)
            else f"damaged image: {error}"
        )
        raise NotAnImage(f"the input cannot be read as an image ({detail})") from error


def _too_many_pixels(size: str) -> str:
    return f"the image ({size}) has more than the {MAX_PIXELS:,} pixels allowed"


def _rgb(picture: Image.Image, *, whole: bool) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        picture = _eight_bits(picture)
    factor = min(picture.size) // _ROUGH
    if factor > 1 and not whole and picture.mode not in ("P", "PA", "1"):
        picture = picture.reduce(factor)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Integers are taken as 16 bits deep; fractions as 0 to 1 unless they go beyond."""
    levels = np.nan_to_num(np.asarray(picture, dtype=np.float64))
    full = 65535.0 if picture.mode.startswith("I") else max(1.0, float(levels.max()))
    return Image.fromarray(np.clip(levels * (255 / full), 0, 255).round().astype(np.uint8))
