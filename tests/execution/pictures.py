"""Small real media files, made on the spot."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

from PIL import Image


def picture(number: int = 0, form: str = "PNG", size: tuple[int, int] = (4, 3)) -> bytes:
    """An image file whose bytes differ with the number."""
    image = Image.new("RGB", size, (number % 256, number // 256 % 256, 7))
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def sound() -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(8000)
        out.writeframes(bytes(80))
    return stream.getvalue()


def video(brand: bytes = b"isom") -> bytes:
    """The opening box of a file of the MP4 family."""
    return struct.pack(">I4s4sI", 16, b"ftyp", brand, 0) + bytes(32)


def write(path: Path, content: bytes) -> str:
    """Writes a file with its folders and returns its path as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)
