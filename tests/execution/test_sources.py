from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest
from execution.pictures import picture, video, write

from reconciler.errors import DataError
from reconciler.execution.media import MediaKind
from reconciler.execution.sources import Problem, discover, label, read_bytes

URL = "https://example.org/a.jpg"


def id_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def test_a_file(tmp_path: Path) -> None:
    source = write(tmp_path / "people" / "a.png", picture())
    (item,) = discover([source]).items
    assert item.id == id_of(picture())
    assert item.source == source
    assert item.kind is MediaKind.IMAGE
    assert item.size == len(picture())
    assert item.folders == ("people",)
    assert item.concepts == ()
    assert read_bytes(item) == picture()


def test_a_large_file_is_named_by_all_its_bytes(tmp_path: Path) -> None:
    content = picture() + os.urandom(3_000_000)
    (item,) = discover([write(tmp_path / "a.png", content)]).items
    assert item.id == id_of(content)


def test_a_relative_file_has_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "seven" / "a.png", picture())
    monkeypatch.chdir(tmp_path / "seven")
    (item,) = discover(["a.png"]).items
    assert (item.source, item.folders) == ("a.png", ("seven",))


def test_folders_are_walked_in_order_without_hidden_names(tmp_path: Path) -> None:
    names = ["b/2.png", "b/1.png", "a/deep/er.png", "z.png", ".hidden/h.png", "a/.h.png"]
    for number, name in enumerate(names):
        write(tmp_path / name, picture(number))
    found = discover([str(tmp_path)])
    assert [os.path.relpath(item.source, tmp_path) for item in found.items] == [
        "z.png",
        "a/deep/er.png",
        "b/1.png",
        "b/2.png",
    ]
    assert found.problems == ()


def test_a_url() -> None:
    (item,) = discover([URL]).items
    assert item.id == id_of(URL.encode())
    assert (item.source, item.kind, item.path, item.size) == (URL, MediaKind.IMAGE, None, 0)


def test_a_text_that_is_named_is_an_input(tmp_path: Path) -> None:
    named = write(tmp_path / "note.txt", "Grüße".encode())
    (item,) = discover([named]).items
    assert (item.source, item.kind) == (named, MediaKind.TEXT)
    assert item.id == id_of("Grüße".encode())


@pytest.mark.parametrize(
    ("texts", "taken"), [(False, ["a.png"]), (True, ["a.png", "b.txt"])], ids=["not", "on request"]
)
def test_texts_in_folders_are_taken_on_request(
    tmp_path: Path, texts: bool, taken: list[str]
) -> None:
    write(tmp_path / "a.png", picture())
    write(tmp_path / "b.txt", b"a text")
    found = discover([str(tmp_path)], texts=texts)
    assert [os.path.relpath(item.source, tmp_path) for item in found.items] == taken
    assert len(found.problems) == 2 - len(taken)


def test_repeated_sources_count_once(tmp_path: Path) -> None:
    one = write(tmp_path / "a" / "one.png", picture())
    write(tmp_path / "a" / "same.png", picture())
    found = discover([str(tmp_path), one, URL, URL])
    assert [item.source for item in found.items] == [one, URL]
    assert found.repeated == 3


def test_each_bad_source_is_a_problem_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "empty folder").mkdir()
    hidden = tmp_path / "only hidden"
    write(hidden / ".a.png", picture())
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling.png")
    os.mkfifo(tmp_path / "pipe.png")
    write(tmp_path / "photos" / "README.txt", b"about these photographs")
    sources = [
        write(tmp_path / "good.png", picture()),
        write(tmp_path / "notes.md", b"# no"),
        write(tmp_path / "photo.heic", video(b"heic")),
        write(tmp_path / "nothing.png", b""),
        write(tmp_path / "fake.png", b"<html>"),
        write(tmp_path / "big.png", picture() + bytes(20_000_000)),
        str(tmp_path / "photos"),
        str(tmp_path / "empty folder"),
        str(hidden),
        str(tmp_path / "dangling.png"),
        str(tmp_path / "pipe.png"),
        str(tmp_path / "missing.png"),
        "a\0b.png",
        "s3://bucket/a.png",
        "https:///a.png",
        "http://[broken/a.png",
        URL,
    ]
    found = discover(sources)
    assert [item.source for item in found.items] == [str(tmp_path / "good.png"), URL]
    formats = "images are sent as JPEG, PNG, TIFF, BMP, WEBP or GIF"
    unfetchable = "not a URL that the platform can fetch"
    assert [
        (problem.source.removeprefix(f"{tmp_path}/"), problem.reason, problem.hint)
        for problem in found.problems
    ] == [
        ("notes.md", "no image, video, audio or text", formats),
        ("photo.heic", "the platform takes no HEIF or AVIF image", formats),
        ("nothing.png", "the file is empty", ""),
        ("fake.png", "no image, video, audio or text", formats),
        (
            "big.png",
            "20.0 MB, but the platform takes image files below 20 MB",
            "make it smaller",
        ),
        (
            "photos/README.txt",
            "text, and no image",
            "name the file itself, or take the texts of folders with --texts",
        ),
        ("empty folder", "the folder holds no files", "hidden ones are left out"),
        ("only hidden", "the folder holds no files", "hidden ones are left out"),
        ("dangling.png", "no such file or directory", ""),
        ("pipe.png", "neither a file nor a folder", ""),
        ("missing.png", "no such file or directory", ""),
        ("a�b.png", "no such file or folder", ""),
        ("s3://bucket/a.png", unfetchable, "use http:// or https://"),
        ("https:///a.png", unfetchable, "use http:// or https://"),
        ("http://[broken/a.png", "not a URL: Invalid IPv6 URL", ""),
    ]


def test_too_many_pixels(tmp_path: Path) -> None:
    content = bytearray(picture())
    content[16:24] = (10_000).to_bytes(4, "big") + (8_501).to_bytes(4, "big")
    (problem,) = discover([write(tmp_path / "wide.png", bytes(content))]).problems
    assert problem.reason == "85.0 megapixels, but the platform takes at most 85"
    content[20:24] = (8_500).to_bytes(4, "big")
    assert discover([write(tmp_path / "fits.png", bytes(content))]).problems == ()


def test_unreadable_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked"
    write(locked / "a.png", picture())
    secret = write(tmp_path / "secret.png", picture(1))
    good = write(tmp_path / "good.png", picture(2))
    scandir, opened = os.scandir, Path.open

    def refuse_scan(path: str) -> object:
        if str(path) == str(locked):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    def refuse_open(self: Path, *args: str) -> object:
        if str(self) == secret:
            raise PermissionError(13, "Permission denied", secret)
        return opened(self, *args)

    monkeypatch.setattr(os, "scandir", refuse_scan)
    monkeypatch.setattr(Path, "open", refuse_open)
    found = discover([str(tmp_path)])
    assert [item.source for item in found.items] == [good]
    assert [str(problem) for problem in found.problems] == [
        f"{secret}: permission denied",
        f"{locked}: permission denied",
    ]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(name, "wb") as stream:
        stream.write(picture())
    (item,) = discover([str(tmp_path)]).items
    assert item.source == f"{tmp_path}/caf�.png"
    assert read_bytes(item) == picture()


def test_a_file_that_changes_in_between(tmp_path: Path) -> None:
    source = write(tmp_path / "a.png", picture())
    (item,) = discover([source]).items
    write(tmp_path / "a.png", picture(1))
    assert read_bytes(item) == Problem(
        source, "the file changed since it was looked at", "run it again"
    )
    os.remove(source)
    assert read_bytes(item) == Problem(source, "no such file or directory")


def test_a_socket_is_no_input(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        (problem,) = discover([path]).problems
    assert problem.reason == "neither a file nor a folder"


# --- labels -----------------------------------------------------------------------------------

KNOWN = ("zero", "one", "two", "three")


def test_labels_for_all(tmp_path: Path) -> None:
    found = discover([write(tmp_path / "a.png", picture()), URL])
    labelled = label(found, known=KNOWN, concepts=["two", "one", "two"])
    assert [item.concepts for item in labelled.items] == [("two", "one"), ("two", "one")]
    assert [item.concepts for item in found.items] == [(), ()]


@pytest.mark.parametrize(
    ("concept", "hint"),
    [
        ("thre", "did you mean 'three'?"),
        ("zebra crossing", "add it to the manifest's concepts and apply that first"),
    ],
)
def test_an_unknown_label(concept: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        label(discover([URL]), known=KNOWN, concepts=["one", concept])
    assert caught.value.message == f"the app has no concept {concept!r}"
    assert caught.value.hint == hint


def test_labels_from_folders(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a.png", picture(1))
    write(tmp_path / "x" / "one" / "same.png", picture(1))
    write(tmp_path / "two" / "b.png", picture(2))
    write(tmp_path / "tow" / "c.png", picture(3))
    write(tmp_path / "tow" / "d.png", picture(4))
    write(tmp_path / "zero" / "e.png", picture(5))
    write(tmp_path / "three" / "e.png", picture(5))
    found = discover([str(tmp_path), URL])
    labelled = label(found, known=KNOWN, concepts=["two"], from_folders=True)
    assert [(os.path.relpath(item.source, tmp_path), item.concepts) for item in labelled.items] == [
        ("one/a.png", ("two", "one")),
        ("two/b.png", ("two",)),
    ]
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in labelled.problems] == [
        "three/e.png: the same bytes lie in the folders 'three' and 'zero' "
        "(keep it where its label is right)",
        f"{URL}: a URL lies in no folder that could label it (give it labels with --concept)",
        "folder tow: the app has no concept 'tow', so 2 files cannot be labelled with it "
        "(did you mean 'two'?)",
    ]


def test_no_labels_at_all(tmp_path: Path) -> None:
    found = discover([write(tmp_path / "a.png", picture())])
    assert label(found, known=()) == found
