"""What a file is, told from its first bytes, and how much of it the platform takes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType

HEAD_BYTES = 256 * 1024
"""So much of a file's start is looked at: the size of a JPEG stands behind its embedded preview."""

MEGABYTE = 1_000_000
LARGEST_IMAGE_PIXELS = 85_000_000


@unique
class MediaKind(StrEnum):
    """The field of an input's ``data`` that takes it."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"


LARGEST_BYTES: Mapping[MediaKind, int] = MappingProxyType(
    {
        MediaKind.IMAGE: 20 * MEGABYTE,
        MediaKind.VIDEO: 128 * MEGABYTE,
        MediaKind.AUDIO: 20 * MEGABYTE,
        MediaKind.TEXT: 20 * MEGABYTE,
    }
)
"""A file must stay below this. Like the other limits here it is from the platform's upload page
(docs.clarifai.com/create-manage/inputs/upload, 2025): 85 megapixels an image, 128 inputs and less
than 128 MB a request, one video a request. It says MB; the smaller reading is taken."""


@dataclass(frozen=True, slots=True)
class Media:
    """A recognised file: ``listed`` is whether the upload page names the format."""

    kind: MediaKind
    format: str
    listed: bool = True


_AVI, _WAV = Media(MediaKind.VIDEO, "AVI"), Media(MediaKind.AUDIO, "WAV")
_WEBP, _MP4 = Media(MediaKind.IMAGE, "WEBP"), Media(MediaKind.VIDEO, "MP4")
_MOV, _3GPP = Media(MediaKind.VIDEO, "MOV"), Media(MediaKind.VIDEO, "3GPP")
_TEXT = Media(MediaKind.TEXT, "text")
_HEIF = Media(MediaKind.IMAGE, "HEIF or AVIF", listed=False)

_STARTS: tuple[tuple[bytes, Media], ...] = (
    (b"\x89PNG\r\n\x1a\n", Media(MediaKind.IMAGE, "PNG")),
    (b"\xff\xd8\xff", Media(MediaKind.IMAGE, "JPEG")),
    (b"GIF87a", Media(MediaKind.IMAGE, "GIF")),
    (b"GIF89a", Media(MediaKind.IMAGE, "GIF")),
    (b"II*\x00", Media(MediaKind.IMAGE, "TIFF")),
    (b"MM\x00*", Media(MediaKind.IMAGE, "TIFF")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Media(MediaKind.VIDEO, "WMV")),
    (b"\x1a\x45\xdf\xa3", Media(MediaKind.VIDEO, "WebM or Matroska", listed=False)),
    (b"\x00\x00\x01\xba", Media(MediaKind.VIDEO, "MPEG", listed=False)),
    (b"\x00\x00\x01\xb3", Media(MediaKind.VIDEO, "MPEG", listed=False)),
    (b"fLaC", Media(MediaKind.AUDIO, "FLAC", listed=False)),
    (b"OggS", Media(MediaKind.AUDIO, "Ogg", listed=False)),
    (b"ID3", Media(MediaKind.AUDIO, "MP3", listed=False)),
    (b"\xff\xfb", Media(MediaKind.AUDIO, "MP3", listed=False)),
)
_RIFF = MappingProxyType({b"AVI ": _AVI, b"WAVE": _WAV, b"WEBP": _WEBP})
_BRANDS = MappingProxyType(
    {b"qt": _MOV, b"3gp": _3GPP, b"3g2": _3GPP}
    | dict.fromkeys((b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"), _HEIF)
    | {b"M4A": Media(MediaKind.AUDIO, "M4A", listed=False)}
)
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})

_BY_SUFFIX: Mapping[str, MediaKind] = MappingProxyType(
    dict.fromkeys(
        (".avi", ".mp4", ".m4v", ".wmv", ".mov", ".3gp", ".webm", ".mkv"), MediaKind.VIDEO
    )
    | dict.fromkeys((".wav", ".mp3", ".flac", ".ogg", ".m4a"), MediaKind.AUDIO)
    | dict.fromkeys((".txt", ".csv", ".tsv"), MediaKind.TEXT)
)


def recognise(head: bytes, suffix: str) -> Media | None:
    """What a file is, by its first bytes; None if it is nothing that can be sent.

    ``suffix`` (``.txt``) matters only for text, which has no signature of its own.
    """
    for start, media in _STARTS:
        if head.startswith(start):
            return media
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        brand = head[8:12].strip()
        return _BRANDS.get(brand) or _BRANDS.get(brand[:3]) or _MP4
    if head[4:8] in {b"moov", b"mdat", b"wide"}:
        return _MOV
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return Media(MediaKind.IMAGE, "BMP")
    return _TEXT if suffix.lower() == ".txt" and _is_text(head) else None


def kind_of_url(path: str) -> MediaKind:
    """The kind that the end of a URL's path promises; an image where it promises nothing."""
    dot = path.rfind(".")
    return _BY_SUFFIX.get(path[dot:].lower(), MediaKind.IMAGE) if dot >= 0 else MediaKind.IMAGE


def pixels(head: bytes, media: Media) -> int | None:
    """Width times height, where the format says it early; None where it does not."""
    try:
        match media.format:
            case "PNG":
                width, height = struct.unpack_from(">II", head, 16)
            case "GIF":
                width, height = struct.unpack_from("<HH", head, 6)
            case "BMP" if head[14] == 12:
                width, height = struct.unpack_from("<HH", head, 18)
            case "BMP":
                width, height = struct.unpack_from("<ii", head, 18)
            case "WEBP":
                width, height = _webp_size(head)
            case "JPEG":
                width, height = _jpeg_size(head)
            case _:
                return None
    except (struct.error, IndexError):
        return None
    return int(width) * abs(int(height)) or None


def _webp_size(head: bytes) -> tuple[int, int]:
    match head[12:16]:
        case b"VP8X":
            width, height = head[24:27], head[27:30]
            return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
        case b"VP8L":
            bits = struct.unpack_from("<I", head, 21)[0]
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _jpeg_size(head: bytes) -> tuple[int, int]:
    """Walks from marker to marker up to the frame header, which holds height and width."""
    at = 2
    while True:
        marker = head[at + 1]
        if head[at] != 0xFF:
            return 0, 0
        if marker == 0xFF:
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        else:
            at += 2 + int(struct.unpack_from(">H", head, at + 2)[0])


def _is_text(head: bytes) -> bool:
    """Whether it reads as UTF-8; the last character may be cut by the end of the head."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(head) or len(head) - error.start > 3:
            return False
        text = head[: error.start].decode("utf-8")
    return "\x00" not in text
