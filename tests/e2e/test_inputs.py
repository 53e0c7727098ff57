"""``inputs add`` and ``annotations list``: real files on their way through the default workflow."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import requests
import skimage.data
from e2e.conftest import TOKEN, Here
from e2e.tool import MANIFESTS, people
from execution.pictures import picture, sound, video, write
from PIL import Image

from reconciler.sandbox import Sandbox
from reconciler.sandbox.faults import Fault

PHOTOGRAPHS = Path(skimage.data.__file__).parent
SCORES = MANIFESTS / "_scores" / "people.yaml"


def id_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


@pytest.fixture
def app(here: Here, request: pytest.FixtureRequest) -> Path:
    """A manifest that is applied, for an app of this test's own."""
    name = f"in-{abs(hash(request.node.nodeid)) % 10**10}"
    path = people(here.folder / "_app", name)
    here.done("apply", path, "--auto-approve")
    return path


def live(platform: Sandbox, path: Path) -> dict[str, Any]:
    """The inputs of the app, by id."""
    answer = requests.get(
        f"{platform.base_url}/v2/users/me/apps/{path.stem}/inputs",
        headers={"Authorization": f"Key {TOKEN}"},
        params={"per_page": 1000},
        timeout=300,
    )
    return {one["id"]: one for one in answer.json().get("inputs", [])}


def test_files_folders_and_a_rerun(here: Here, app: Path, platform: Sandbox) -> None:
    write(here.folder / "one.png", picture(1))
    write(here.folder / "album" / "two.jpg", picture(2, "JPEG"))
    write(here.folder / "album" / "deep" / "three.webp", picture(3, "WEBP"))
    write(here.folder / "album" / "deep" / "again.png", picture(1))
    write(here.folder / "album" / ".hidden.png", picture(4))
    sources = ("one.png", "album")
    first = here("inputs", "add", app, *sources, "--wait")
    assert (first.status, first.err) == (0, "")
    assert first.out == "Inputs: 3 added, 0 already there, 1 given twice.\nProcessed: 3 of 3.\n"
    found = live(platform, app)
    assert set(found) == {
        id_of(picture(1)), id_of(picture(2, "JPEG")), id_of(picture(3, "WEBP"))
    }  # fmt: skip
    assert {one["status"]["code"] for one in found.values()} == {30000}
    write(here.folder / "album" / "four.png", picture(5))
    again = here("inputs", "add", app, *sources)
    assert (again.status, again.err) == (0, "")
    assert again.out == "Inputs: 1 added, 3 already there, 1 given twice.\n"


def test_what_cannot_be_sent_is_said_per_file_and_the_rest_goes_on(
    here: Here, app: Path, platform: Sandbox
) -> None:
    write(here.folder / "good.png", picture(6))
    write(here.folder / "notes.pdf", b"%PDF-1.7 no image")
    write(here.folder / "script.sh", b"#!/bin/sh")
    write(here.folder / "empty.png", b"")
    large = Image.new("1", (10_000, 10_000))
    large.save(here.folder / "large.png")
    (here.folder / "nothing").mkdir()
    ended = here(
        *("inputs", "add", app, "good.png", "notes.pdf", "script.sh", "empty.png"),
        *("large.png", "nothing"),
        *("absent.png", "ftp://example.com/x.png"),
    )
    assert ended.status == 1
    assert ended.err.splitlines() == [
        "left out: notes.pdf: no image, video, audio or text "
        "(images are sent as JPEG, PNG, TIFF, BMP, WEBP or GIF)",
        "left out: script.sh: no image, video, audio or text",
        "left out: empty.png: the file is empty",
        "left out: large.png: 100.0 megapixels, but the platform takes at most 85 "
        "(make it smaller)",
        "left out: nothing: the folder holds no files (hidden ones are left out)",
        "left out: absent.png: no such file or directory",
        "left out: ftp://example.com/x.png: not a URL that the platform can fetch "
        "(use http:// or https://)",
    ]
    assert ended.out == "Inputs: 1 added, 0 already there, 7 failed.\n"
    assert set(live(platform, app)) == {id_of(picture(6))}


def test_texts_are_sent_where_they_are_meant(here: Here, app: Path, platform: Sandbox) -> None:
    write(here.folder / "album" / "one.png", picture(9))
    write(here.folder / "album" / "README.txt", b"about these photographs")
    write(here.folder / "story.txt", b"Es war einmal ein Zug")
    first = here("inputs", "add", app, "story.txt", "album", "--wait")
    assert first.status == 1
    assert first.err == (
        "left out: album/README.txt: text, and no image "
        "(name the file itself, or take the texts of folders with --texts)\n"
    )
    found = live(platform, app)
    assert set(found) == {id_of(picture(9)), id_of(b"Es war einmal ein Zug")}
    story = found[id_of(b"Es war einmal ein Zug")]
    assert story["data"]["text"]["raw"] == "Es war einmal ein Zug"
    assert story["status"]["code"] == 30000
    again = here("inputs", "add", app, "story.txt", "album", "--texts")
    assert (again.status, again.err) == (0, "")
    assert again.out == "Inputs: 1 added, 2 already there.\n"
    assert id_of(b"about these photographs") in live(platform, app)


def test_a_file_that_only_begins_like_an_image(here: Here, app: Path) -> None:
    """Only the service can tell: it takes the file and fails to read it."""
    write(here.folder / "cut.png", picture(7)[:40])
    write(here.folder / "good.png", picture(8))
    ended = here("inputs", "add", app, "cut.png", "good.png", "--wait")
    assert ended.status == 1
    assert "cut.png: " in ended.err
    assert "(code 3" in ended.err
    assert "1 added" in ended.out or "Processed: 1 of 2." in ended.out


def test_a_video_is_sent_with_a_note(here: Here, app: Path, platform: Sandbox) -> None:
    write(here.folder / "clip.mp4", video())
    write(here.folder / "voice.wav", sound())
    ended = here("inputs", "add", app, "clip.mp4", "voice.wav")
    assert ended.status == 0
    assert ended.out == "Inputs: 2 added, 0 already there.\n"
    assert "note: clip.mp4: sent as a video, which the sandbox stores but does not process" in (
        ended.err
    )
    assert id_of(video()) in live(platform, app)
    platform.wait_idle()
    waited = here("inputs", "add", app, "clip.mp4", "--wait")
    assert waited.status == 1
    assert "failed: clip.mp4: " in waited.err
    assert "does not process video" in waited.err


def test_urls_are_named_after_themselves(here: Here, app: Path, platform: Sandbox) -> None:
    url = "http://127.0.0.1:9/picture.png"
    ended = here("inputs", "add", app, url)
    assert ended.out == "Inputs: 1 added, 0 already there.\n"
    assert set(live(platform, app)) == {id_of(url.encode())}
    platform.wait_idle()
    waited = here("inputs", "add", app, url, "--wait")
    assert waited.status == 1
    assert f"failed: {url}: " in waited.err
    assert waited.out == "Inputs: 0 added, 1 already there.\nProcessed: 0 of 1.\n"


def test_labels(here: Here, app: Path, platform: Sandbox) -> None:
    write(here.folder / "one.png", picture(11))
    here.done("inputs", "add", app, "one.png", "--concept", "people", "--concept", "adult")
    concepts = live(platform, app)[id_of(picture(11))]["data"]["concepts"]
    assert {(one["id"], one["value"]) for one in concepts} == {("people", 1), ("adult", 1)}
    listed = json.loads(here.done("annotations", "list", app, "--input-level", "--format", "json"))
    assert [sorted(one["concepts"]) for one in listed] == [["adult", "people"]]
    before = len(platform.requests())
    unknown = here("inputs", "add", app, "one.png", "--concept", "peopel")
    assert (unknown.status, unknown.out) == (1, "")
    assert unknown.err == "error: the app has no concept 'peopel'\n  did you mean 'people'?\n"
    assert all(entry.method == "GET" for entry in platform.requests()[before:])
    stranger = here("inputs", "add", app, "one.png", "--concept", "zebra")
    assert "add it to the manifest's concepts and apply that first" in stranger.err


def test_labels_from_folders(here: Here, app: Path, platform: Sandbox) -> None:
    write(here.folder / "set" / "people" / "a.png", picture(12))
    write(here.folder / "set" / "man" / "b.png", picture(13))
    write(here.folder / "set" / "mann" / "c.png", picture(14))
    ended = here("inputs", "add", app, "set", "--concepts-from-folders")
    assert ended.status == 1
    assert ended.err == (
        "left out: folder mann: the app has no concept 'mann', so 1 file cannot be labelled with "
        "it (did you mean 'man'?)\n"
    )
    assert ended.out == "Inputs: 2 added, 0 already there, 1 failed.\n"
    found = live(platform, app)
    assert found[id_of(picture(12))]["data"]["concepts"][0]["id"] == "people"
    assert found[id_of(picture(13))]["data"]["concepts"][0]["id"] == "man"


def test_an_app_that_was_never_applied(here: Here) -> None:
    path = people(here.folder, "never")
    write(here.folder / "one.png", picture(15))
    for command in (("inputs", "add", path, "one.png"), ("annotations", "list", path)):
        ended = here(*command)
        assert (ended.status, ended.out) == (1, "")
        assert ended.err == (
            "error: the app 'never' of user 'sandbox-user' does not exist yet\n"
            f"  create it first: reconciler apply {path}\n"
        )
    local = here("inputs", "add", path, "one.png", "--sandbox")
    assert local.err.endswith(f"create it first: reconciler apply {path} --sandbox\n")


def test_a_service_that_fails_in_the_middle(here: Here, app: Path, platform: Sandbox) -> None:
    for number in range(130):
        write(here.folder / "many" / f"{number}.png", picture(20 + number))
    platform.inject(Fault(method="POST", path="/inputs$", nth=2, status=403, code=11007))
    ended = here("inputs", "add", app, "many")
    assert ended.status == 1
    assert ended.out == "Inputs: 128 added, 0 already there, 2 not sent.\n"
    assert "error: POST /v2/users/sandbox-user/apps/" in ended.err
    again = here("inputs", "add", app, "many")
    assert (again.status, again.out) == (0, "Inputs: 2 added, 128 already there.\n")


@pytest.mark.parametrize("fault", [{"drop": "before"}, {"drop": "after"}, {"mixed": True},
                                   {"status": 429, "code": 11005, "retry_after": 0.05}])  # fmt: skip
def test_a_flaky_service_takes_each_input_once(
    here: Here, app: Path, platform: Sandbox, fault: dict[str, Any]
) -> None:
    for number in range(4):
        write(here.folder / "few" / f"{number}.png", picture(200 + number))
    platform.inject(Fault(method="POST", path="/inputs$", **fault))
    ended = here("inputs", "add", app, "few", "--wait")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "Inputs: 4 added, 0 already there.\nProcessed: 4 of 4.\n"
    assert len(live(platform, app)) == 4


def test_annotations_and_their_filters(here: Here) -> None:
    """Photographs with scripted scores, through the sandbox that ``--sandbox`` starts."""
    path = people(here.folder, "photographs")
    local = ("--sandbox", "--scores", SCORES)
    here.done("apply", path, "--auto-approve", *local)
    files = [PHOTOGRAPHS / name for name in ("astronaut.png", "camera.png", "coffee.png")]
    here.done("inputs", "add", path, *files, "--wait", *local)

    def listed(*options: str) -> list[Any]:
        found = json.loads(
            here.done("annotations", "list", path, "--sandbox", "--format", "json", *options)
        )
        assert isinstance(found, list)
        return found

    everything = listed()
    success, pending = listed("--status", "success"), listed("--status", "pending")
    assert success
    assert pending
    assert {one["id"] for one in success + pending} == {one["id"] for one in everything}
    for spelled in ("ANNOTATION_PENDING", "24151", "Pending"):
        assert listed("--status", spelled) == pending
    assert listed("--status", "success", "--status", "pending") == everything
    astronaut = id_of(files[0].read_bytes())
    of_one = listed("--input", astronaut)
    assert of_one
    assert of_one == [one for one in everything if one["input_id"] == astronaut]
    assert listed("--input", "0" * 32) == []
    assert listed("--user", "me") == listed("--user", "sandbox-user") == everything
    assert listed("--user", "nobody") == []
    text = here.done("annotations", "list", path, "--sandbox", "--status", "success")
    assert len(success) > 1
    assert text.endswith(f"{len(success)} annotations: {len(success)} success.\n")
    assert f"{astronaut}  success  sandbox-user  " in text
