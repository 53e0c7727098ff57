"""The files of a manifest, and their bytes as clean text. Nothing here knows YAML."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from reconciler.diagnostics import Diagnostic, did_you_mean, problem
from reconciler.origin import Origin

SUFFIXES = (".yaml", ".yml")


def find_files(path: Path) -> list[Path] | Diagnostic:
    """The file itself, or every YAML file below a directory, in order.

    Files and folders below it whose names begin with ``_`` or ``.`` are left out.
    """
    place = Origin(path.as_posix())
    try:
        if not path.is_dir():
            if path.exists() and not path.is_file():
                hint = "name a file or a folder"
                return problem("RC001", f"{place} is no file that can be read", place, hint=hint)
            return [path] if path.exists() else _missing(path)
        found = sorted(_below(path), key=lambda file: file.parts)
    except OSError as error:
        where = Path(error.filename or path).as_posix()
        return problem("RC001", f"cannot read {where}: {error.strerror}", place)
    if found:
        return found
    return problem(
        "RC006",
        "no manifest here: no file *.yaml or *.yml",
        place,
        hint="names that begin with '_' or '.' are left out",
    )


def _below(directory: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(directory, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(("_", "."))]
        for name in names:
            file = Path(folder, name)
            wanted = name.endswith(SUFFIXES) and not name.startswith(("_", "."))
            if wanted and (file.is_file() or file.is_symlink()):
                yield file


def _missing(path: Path) -> Diagnostic:
    """Says what is not there, with the likeliest neighbour."""
    try:
        names = os.listdir(path.parent)
    except OSError:
        names = []
    hint = did_you_mean(path.name, names)
    return problem("RC001", "no such file or directory", Origin(path.as_posix()), hint=hint)


def split_lines(text: str) -> list[str]:
    """The lines as positions count them."""
    return _LINE_BREAK.split(text)


_LINE_BREAK = re.compile(r"\r\n|\r|\n")

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def _decode(data: str | bytes, file: str) -> tuple[str, list[Diagnostic]]:
    """UTF-8 to text without a byte order mark; what is not UTF-8 is replaced, and reported once."""
    if isinstance(data, str):
        return data.removeprefix("\ufeff"), []
    if data.startswith(_UTF16):
        message = "the file is UTF-16, but manifests are UTF-8"
        found = problem("RC008", message, Origin(file), hint="save it as UTF-8")
        return data.decode("utf-16", errors="replace"), [found]
    try:
        return data.decode("utf-8").removeprefix("\ufeff"), []
    except UnicodeDecodeError as error:
        before = split_lines(data[: error.start].decode("utf-8").removeprefix("\ufeff"))
        found = problem(
            "RC008",
            f"byte 0x{data[error.start]:02X} at offset {error.start} is not UTF-8",
            Origin(file, len(before), len(before[-1]) + 1),
            hint="save the file as UTF-8",
        )
        return data.decode("utf-8", errors="replace").removeprefix("\ufeff"), [found]


# YAML allows the three line separators at the end of the first group, but parsers and editors
# do not agree on what a line is then, and nobody can see them.
_UNCLEAN = re.compile(
    "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def clean_text(data: str | bytes, file: str) -> tuple[str, list[Diagnostic]]:
    """The text of a file, with a stand-in for each character that YAML does not allow.

    What is not UTF-8, or the first such character, is reported.
    """
    text, found = _decode(data, file)
    clean, control = _without_controls(text, file)
    return clean, found or control


def _without_controls(text: str, file: str) -> tuple[str, list[Diagnostic]]:
    first = _UNCLEAN.search(text)
    if first is None:
        return text, []
    clean, count = _UNCLEAN.subn("\ufffd", text)
    before = split_lines(text[: first.start()])
    more = f" (and {count - 1} more such)" if count > 1 else ""
    code = ord(first[0])
    found = problem(
        "RC008",
        f"control character U+{code:04X}{more}",
        Origin(file, len(before), len(before[-1]) + 1),
        hint=f'remove it, or write it as "\\u{code:04x}" in double quotes',
    )
    return clean, [found]
