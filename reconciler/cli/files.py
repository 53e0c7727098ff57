"""Files that commands read and write."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from reconciler.cli.streams import without_token
from reconciler.errors import SettingsError


def read_text(path: Path, largest: int | None = None) -> str:
    """A file's text, of at most ``largest`` bytes. Raises ``SettingsError``."""
    try:
        if largest is not None:
            _check_size(path, largest)
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {_why(error)}") from error


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole or not at all. Raises ``SettingsError``, also for one that would hold the token."""
    if without_token(text) != text:
        raise SettingsError(
            f"{path} would hold the token of CLARIFAI_PAT, and was not written",
            hint="somebody put it into the app or the manifest: take it out there, and make a new one",
        )
    # what a link or a device stands for is written to, not replaced
    path = path.resolve()
    beside = path.with_name(f".{path.name}.tmp")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, "utf-8")
            return
        beside.write_text(text, "utf-8")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise SettingsError(
            f"{path} cannot be written: {_why(error)}", hint="name another file with -o"
        ) from error


def make_folder(folder: Path) -> None:
    """A folder, with those above it. Raises ``SettingsError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be made: {_why(error)}") from error


def make_private_folder(path: Path) -> None:
    """A folder that git ignores. Raises ``SettingsError``."""
    try:
        path.mkdir(exist_ok=True)
        ignore = path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "utf-8")
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be used for the sandbox's data: {_why(error)}",
            hint="run it in a folder that can be written",
        ) from error


def _check_size(path: Path, largest: int) -> None:
    """That a file can be read to its end in good time."""
    about = path.stat()
    if not S_ISREG(about.st_mode):
        raise SettingsError(
            f"{path} is no file but a {'folder' if path.is_dir() else 'pipe or device'}",
            hint="name a file that reconciler plan PATH -o FILE wrote",
        )
    if about.st_size > largest:
        raise SettingsError(
            f"{path} has {about.st_size:,} bytes, more than the {largest:,} that are read",
            hint="is it a plan file at all? a plan can be made smaller with --target",
        )


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return "it is not UTF-8"
