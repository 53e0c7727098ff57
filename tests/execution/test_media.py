from __future__ import annotations

import io
import struct

import pytest
from execution.pictures import picture, sound, video
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reconciler.execution.media import HEAD_BYTES, MediaKind, kind_of_url, pixels, recognise


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_images(form: str) -> None:
    media = recognise(picture(form=form, size=(37, 5)), ".dat")
    assert media is not None
    assert (media.kind, media.format, media.listed) == (MediaKind.IMAGE, form, True)
    expected = None if form == "TIFF" else 37 * 5
    assert pixels(picture(form=form, size=(37, 5)), media) == expected


def test_size_of_other_webp_forms() -> None:
    for options in ({"lossless": True}, {"exif": Image.Exif().tobytes() or b"Exif\0\0MM\0*"}):
        stream = io.BytesIO()
        Image.new("RGB", (37, 5)).save(stream, "WEBP", **options)
        media = recognise(stream.getvalue(), "")
        assert media is not None
        assert pixels(stream.getvalue(), media) == 37 * 5


def test_size_of_a_jpeg_behind_a_long_preview() -> None:
    plain = picture(form="JPEG", size=(30, 20))
    preview = b"\xff\xe1" + struct.pack(">H", 60_002) + bytes(60_000)
    stuffed = plain[:2] + preview * 3 + b"\xff" + plain[2:]
    media = recognise(stuffed, "")
    assert media is not None
    assert pixels(stuffed[:HEAD_BYTES], media) == 600


@pytest.mark.parametrize(
    ("head", "suffix", "kind", "form", "listed"),
    [
        (video(), ".png", "video", "MP4", True),
        (video(b"qt  "), "", "video", "MOV", True),
        (b"\x00\x00\x00\x08moov", "", "video", "MOV", True),
        (video(b"3gp5"), "", "video", "3GPP", True),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "", "video", "AVI", True),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6", "", "video", "WMV", True),
        (b"\x1a\x45\xdf\xa3\x01", "", "video", "WebM or Matroska", False),
        (video(b"heic"), ".jpg", "image", "HEIF or AVIF", False),
        (video(b"M4A "), "", "audio", "M4A", False),
        (sound(), "", "audio", "WAV", True),
        (b"ID3\x04", "", "audio", "MP3", False),
        ("Grüße".encode(), ".txt", "text", "text", True),
        (b"a", ".TXT", "text", "text", True),
    ],
)
def test_other_media(head: bytes, suffix: str, kind: str, form: str, listed: bool) -> None:
    media = recognise(head, suffix)
    assert media is not None
    assert (media.kind, media.format, media.listed) == (kind, form, listed)


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"", ""),
        (b"hello", ".png"),
        (b"hello", ".md"),
        (b"%PDF-1.7", ".pdf"),
        (b"PK\x03\x04", ".zip"),
        (b"BMW is a car", ".bmp"),
        (b"RIFF\x00\x00\x00\x00CDDA", ""),
        (b"a\x00b", ".txt"),
        (b"caf\xe9 au lait", ".txt"),
    ],
)
def test_no_media(head: bytes, suffix: str) -> None:
    assert recognise(head, suffix) is None


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))), st.integers(0, 3)
)
def test_text_is_text_wherever_the_head_is_cut(text: str, cut: int) -> None:
    whole = ("text: " + text).encode()
    media = recognise(whole[: len(whole) - min(cut, len(text.encode()))], ".txt")
    assert media is not None
    assert media.kind is MediaKind.TEXT


@given(st.binary(max_size=64), st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP"]))
def test_a_damaged_image_has_no_size_or_some(tail: bytes, form: str) -> None:
    head = picture(form=form)[:14] + tail
    media = recognise(head, "")
    if media is not None:
        assert pixels(head, media) is None or pixels(head, media) > 0  # type: ignore[operator]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/a.jpg", MediaKind.IMAGE),
        ("/a", MediaKind.IMAGE),
        ("/a.MP4", MediaKind.VIDEO),
        ("/v.mov/a", MediaKind.IMAGE),
        ("/a.wav", MediaKind.AUDIO),
        ("/a.txt", MediaKind.TEXT),
        ("", MediaKind.IMAGE),
    ],
)
def test_kind_of_url(path: str, kind: MediaKind) -> None:
    assert kind_of_url(path) is kind
