"""From files, folders and URLs to inputs that can be sent, and a reason for each that cannot."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.diagnostics import did_you_mean
from reconciler.errors import DataError
from reconciler.execution.media import (
    HEAD_BYTES,
    LARGEST_BYTES,
    LARGEST_IMAGE_PIXELS,
    MEGABYTE,
    Media,
    MediaKind,
    kind_of_url,
    pixels,
    recognise,
)

_CHUNK = 1024 * 1024
FORMATS_HINT = "images are sent as JPEG, PNG, TIFF, BMP, WEBP or GIF"
TEXTS_HINT = "name the file itself, or take the texts of folders with --texts"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is left out, and why; ``source`` is as a person named or would name it."""

    source: str
    reason: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}" + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True, slots=True)
class Item:
    """One input to be. ``id`` is the first 32 hex digits of the SHA-256 of its bytes or its URL.

    ``path`` is None for a URL. ``folders`` names every folder that holds a file of these bytes,
    ``size`` is in bytes (0 for a URL), ``concepts`` are the labels.
    """

    id: str
    source: str
    kind: MediaKind
    path: Path | None = None
    size: int = 0
    folders: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found: ``repeated`` counts sources that are the same input as an earlier one."""

    items: tuple[Item, ...]
    problems: tuple[Problem, ...]
    repeated: int = 0


def discover(sources: Sequence[str], *, texts: bool = False) -> Discovery:
    """Looks through files, folders (recursively, sorted, hidden names left out) and URLs.

    A text file that is named is an input; those in folders only with ``texts``: a README beside the
    photographs is not meant to be annotated.
    Reads each file once, in pieces, to recognise and name it; keeps none of it. Fetches no URL.
    """
    items: dict[str, Item] = {}
    problems: list[Problem] = []
    repeated = 0
    for found in _look_through(sources, texts):
        if isinstance(found, Problem):
            problems.append(found)
        elif (known := items.get(found.id)) is None:
            items[found.id] = found
        else:
            repeated += 1
            folders = tuple(dict.fromkeys((*known.folders, *found.folders)))
            items[found.id] = replace(known, folders=folders)
    return Discovery(tuple(items.values()), tuple(problems), repeated)


def label(
    discovery: Discovery,
    *,
    known: Iterable[str],
    concepts: Sequence[str] = (),
    from_folders: bool = False,
) -> Discovery:
    """The same with labels: ``concepts`` for all, and with ``from_folders`` the folder's name too.

    ``known`` are the concept ids of the app: the platform would make a mistyped one into a new
    concept. Raises DataError for one of ``concepts`` that is not among them; a folder that is no
    concept is a problem of its items.
    """
    names = frozenset(known)
    for concept in concepts:
        if concept not in names:
            raise DataError(
                f"the app has no concept {concept!r}", hint=_concept_hint(concept, names)
            )
    if not from_folders:
        chosen = tuple(dict.fromkeys(concepts))
        return replace(
            discovery, items=tuple(replace(item, concepts=chosen) for item in discovery.items)
        )
    items: list[Item] = []
    problems = list(discovery.problems)
    strangers: dict[str, int] = {}
    for item in discovery.items:
        if len(item.folders) != 1:
            problems.append(Problem(item.source, *_no_single_folder(item)))
        elif item.folders[0] not in names:
            strangers[item.folders[0]] = strangers.get(item.folders[0], 0) + 1
        else:
            items.append(replace(item, concepts=tuple(dict.fromkeys((*concepts, item.folders[0])))))
    for folder, count in strangers.items():
        files = f"{count} file{'s' if count != 1 else ''}"
        reason = f"the app has no concept {folder!r}, so {files} cannot be labelled with it"
        problems.append(Problem(f"folder {folder}", reason, _concept_hint(folder, names)))
    return Discovery(tuple(items), tuple(problems), discovery.repeated)


def read_bytes(item: Item) -> bytes | Problem:
    """The bytes of a file, if they still are those that its id stands for."""
    assert item.path is not None, "a URL has no bytes here"
    try:
        content = item.path.read_bytes()
    except OSError as error:
        return Problem(item.source, _why(error))
    if _id_of(hashlib.sha256(content).hexdigest()) != item.id:
        return Problem(item.source, "the file changed since it was looked at", "run it again")
    return content


def _concept_hint(word: str, names: frozenset[str]) -> str:
    return did_you_mean(word, names) or "add it to the manifest's concepts and apply that first"


def _no_single_folder(item: Item) -> tuple[str, str]:
    if not item.folders:
        return "a URL lies in no folder that could label it", "give it labels with --concept"
    folders = " and ".join(repr(folder) for folder in item.folders)
    return f"the same bytes lie in the folders {folders}", "keep it where its label is right"


def _look_through(sources: Sequence[str], texts: bool) -> Iterator[Item | Problem]:
    for source in sources:
        if "://" in source:
            yield _look_at_url(source)
        elif os.path.isdir(source):
            yield from _look_into(Path(source), texts)
        else:
            yield _look_at(Path(source), texts=True)


def _look_into(folder: Path, texts: bool) -> Iterator[Item | Problem]:
    unreadable: list[OSError] = []
    count = 0
    for place, folders, files in os.walk(folder, onerror=unreadable.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                count += 1
                yield _look_at(Path(place, name), texts=texts)
        yield from _take(unreadable)
    failed = list(_take(unreadable))
    yield from failed
    if not count and not failed:
        yield Problem(_shown(folder), "the folder holds no files", "hidden ones are left out")


def _take(errors: list[OSError]) -> Iterator[Problem]:
    while errors:
        error = errors.pop(0)
        yield Problem(_shown(Path(str(error.filename))), _why(error))


def _look_at(path: Path, *, texts: bool) -> Item | Problem:
    source = _shown(path)
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            return Problem(source, "neither a file nor a folder")
        if not facts.st_size:
            return Problem(source, "the file is empty")
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            media = recognise(head, path.suffix)
            if media is None:
                return Problem(source, "no image, video, audio or text", FORMATS_HINT)
            if media.kind is MediaKind.TEXT and not texts:
                return Problem(source, "text, and no image", TEXTS_HINT)
            too_large = _too_large(source, head, media, facts.st_size)
            if too_large is not None:
                return too_large
            digest = hashlib.sha256(head)
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except (OSError, ValueError) as error:
        # ValueError: a name with a NUL in it.
        return Problem(source, _why(error))
    return Item(
        id=_id_of(digest.hexdigest()),
        source=source,
        kind=media.kind,
        path=path,
        size=facts.st_size,
        folders=(_shown(Path(os.path.abspath(path)).parent.name),),
        note="" if media.listed else f"{media.format} is not among the formats the platform lists",
    )


def _too_large(source: str, head: bytes, media: Media, size: int) -> Problem | None:
    if media.kind is MediaKind.IMAGE and not media.listed:
        return Problem(source, f"the platform takes no {media.format} image", FORMATS_HINT)
    largest = LARGEST_BYTES[media.kind]
    if size >= largest:
        reason = f"{size / MEGABYTE:.1f} MB, but the platform takes {media.kind} files below "
        return Problem(source, f"{reason}{largest // MEGABYTE} MB", "make it smaller")
    area = pixels(head, media) or 0
    if area > LARGEST_IMAGE_PIXELS:
        reason = f"{area / 1e6:.1f} megapixels, but the platform takes at most "
        return Problem(source, f"{reason}{LARGEST_IMAGE_PIXELS // 1_000_000}", "make it smaller")
    return None


def _look_at_url(url: str) -> Item | Problem:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return Problem(url, f"not a URL: {error}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return Problem(url, "not a URL that the platform can fetch", "use http:// or https://")
    return Item(
        id=_id_of(hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()),
        source=url,
        kind=kind_of_url(parts.path),
    )


def _id_of(hexdigest: str) -> str:
    return hexdigest[:32]


def _shown(path: Path | str) -> str:
    """A path as printable text, whatever bytes its name is made of."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(mark if mark.isprintable() else "�" for mark in text)


def _why(error: Exception) -> str:
    """The system's word for it, without the path that the problem names anyway."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return "no such file or folder"
