"""The embedding of images: any picture of a known format, nothing else, and the same every time."""

from __future__ import annotations

import io
import math
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reconciler.sandbox import vision
from reconciler.sandbox.vision import ImageTooLarge, NotAnImage, embed


def picture(mode: str = "RGB", size: tuple[int, int] = (48, 32)) -> Image.Image:
    """A slope of brightness with a bright disc, in any mode."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    levels = columns * 150 / max(width - 1, 1)
    levels[(rows - height / 3) ** 2 + (columns - width / 3) ** 2 < (min(size) / 5) ** 2] = 255
    grey = Image.fromarray(levels.astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray((levels * 257).astype(np.uint16))
    if mode == "F":
        return Image.fromarray((levels / 255).astype(np.float32))
    return grey.quantize() if mode == "P" else grey.convert("RGB").convert(mode)


def encoded(image: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def distance(left: tuple[float, ...], right: tuple[float, ...]) -> float:
    return math.dist(left, right)


@pytest.mark.parametrize(
    ("mode", "format_"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("I;16", "PNG"),
        ("F", "TIFF"),
        ("CMYK", "TIFF"),
        ("CMYK", "JPEG"),
        ("L", "JPEG"),
        ("RGB", "JPEG"),
        ("RGB", "WEBP"),
        ("RGB", "BMP"),
        ("P", "GIF"),
        ("RGB", "PPM"),
    ],
)
def test_every_mode_and_format_gives_a_vector_of_one_length(mode: str, format_: str) -> None:
    vector = embed(encoded(picture(mode), format_))
    assert len(vector) == 2200
    assert all(math.isfinite(number) for number in vector)
    if mode != "1":  # two levels cannot show a slope
        assert distance(vector, embed(encoded(picture()))) < 0.35


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (8, 8), (1200, 900)], ids=str)
def test_every_shape_gives_a_vector(size: tuple[int, int], mode: str) -> None:
    assert len(embed(encoded(picture(mode, size), compress_level=1))) == 2200


def test_the_vector_is_the_same_every_time_and_in_float32() -> None:
    data = encoded(picture())
    vector = embed(data)
    assert embed(data) == vector
    assert struct.unpack("<2200f", struct.pack("<2200f", *vector)) == vector


def test_the_same_scene_at_another_size_is_near_and_another_scene_is_far() -> None:
    scene = embed(encoded(picture(size=(96, 64))))
    larger = embed(encoded(picture(size=(960, 640)), "JPEG", quality=90))
    other = embed(encoded(picture(size=(96, 64)).rotate(90, expand=True)))
    assert distance(scene, larger) < 0.3 * distance(scene, other)


def test_blocks_and_smooth_enlargements_of_a_small_picture_are_near() -> None:
    small = picture("L", (8, 8))
    blocks = embed(encoded(small.resize((64, 64), Image.Resampling.NEAREST)))
    smooth = embed(encoded(small.resize((64, 64), Image.Resampling.BICUBIC)))
    other = embed(encoded(small.transpose(Image.Transpose.ROTATE_90)))
    assert distance(blocks, smooth) < distance(embed(encoded(small)), other)


def test_a_camera_that_was_held_sideways_is_turned_upright() -> None:
    upright = picture(size=(96, 64))
    exif = Image.Exif()
    exif[0x0112] = 6  # the viewer turns it 90 degrees clockwise
    sideways = upright.transpose(Image.Transpose.ROTATE_90)
    assert embed(encoded(sideways, exif=exif)) == embed(encoded(upright))


def test_transparency_is_white() -> None:
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    assert embed(encoded(clear)) == embed(encoded(Image.new("RGB", (16, 16), "white")))


def test_sixteen_bits_and_eight_bits_of_one_scene_are_one_vector() -> None:
    assert distance(embed(encoded(picture("I;16"))), embed(encoded(picture("L")))) < 0.05


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"<html></html>", b"%!PS-Adobe-3.0 EPSF-3.0\n"],
    ids=["empty", "text", "only a signature", "html", "postscript"],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnImage) as caught:
        embed(data)
    assert caught.value.code == 30101
    assert str(caught.value) == ("the input cannot be read as an image (no known image format)")


def test_a_cut_image_is_refused() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8))
    data = encoded(noise)
    with pytest.raises(NotAnImage, match="damaged image"):
        embed(data[: len(data) // 2])


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(ImageTooLarge) as caught:
        embed(b"\0" * (vision.MAX_BYTES + 1))
    assert caught.value.code == 30105
    assert str(caught.value) == "the image has 20,971,521 bytes, more than the 20,971,520 allowed"


@pytest.mark.parametrize("side", [7100, 10000, 20000], ids=["limit", "warned", "bomb"])
def test_too_many_pixels_are_refused_before_they_are_decoded(side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = encoded(Image.new("L", (1, 1))).replace(
        _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), _chunk(b"IHDR", header)
    )
    with pytest.raises(ImageTooLarge, match="more than the 50,000,000 pixels allowed"):
        embed(data)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


SEEDS = [
    encoded(picture(size=(12, 9)), format_)
    for format_ in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP")
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damage that it can bear
@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.integers(0, 999), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 200),
)
def test_damaged_bytes_give_a_vector_or_a_refusal_and_nothing_else(
    seed: bytes, edits: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(seed)
    for place, value in edits:
        data[place % len(data)] = value
    try:
        vector = embed(bytes(data[: len(data) - cut]))
    except (NotAnImage, ImageTooLarge):
        return
    assert len(vector) == 2200
