"""What was acknowledged stays: over restarts, in copies, with a full disk."""

from __future__ import annotations

import base64
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import SandboxError
from reconciler.sandbox import Sandbox
from reconciler.sandbox.store import Store
from reconciler.sandbox.transaction import Scope
from tests.sandbox.driving import Api, node, png
from tests.sandbox.serving import Served


def text_workflow(api: Api) -> None:
    matcher = {
        "data": {"concepts": [{"id": "seen"}]},
        "params": {"regex": "."},
    }
    version = api.model("match", "regex-based-classifier", {"output_info": matcher})
    writer = api.writer("write", 24150)
    nodes = [node("m", "match", version), node("w", "write", writer, "m")]
    api("POST", "/workflows", {"workflows": [{"id": "auto", "nodes": nodes}]})
    api("PATCH", "", {"app": {"default_workflow_id": "auto"}, "action": "overwrite"})


def written(api: Api) -> list[str]:
    found: list[Any] = []
    page = 1
    while True:
        part = api("GET", "/annotations", per_page=1000, page=page)["annotations"]
        found += part
        if len(part) < 1000:
            return [item["input_id"] for item in found if not item.get("input_level")]
        page += 1


def test_a_restart_finds_everything(start: Callable[..., Api], tmp_path: Path) -> None:
    data = tmp_path / "made" / "here"
    api = start(data=data)
    api.concepts("a", "b")
    text_workflow(api)
    api("POST", "/inputs", {"inputs": [{"id": "i1", "data": {"text": {"raw": "x"}}}]})
    api.sandbox.wait_idle()
    before = [api("GET", path) for path in ("/concepts", "/models", "/workflows", "/annotations")]
    api.sandbox.stop()
    (data / "somebody-elses.txt").write_text("left alone")
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    for folder in (data, copy):
        again = start(data=folder, create=False)
        after = [
            again("GET", path) for path in ("/concepts", "/models", "/workflows", "/annotations")
        ]
        for one, other in zip(before, after, strict=True):
            assert {k: v for k, v in one.items() if k != "status"} == {
                k: v for k, v in other.items() if k != "status"
            }
        again.sandbox.stop()


def test_queued_work_is_done_by_the_next_server(start: Callable[..., Api], tmp_path: Path) -> None:
    api = start(data=tmp_path)
    text_workflow(api)
    api.sandbox.hold()
    inputs = [{"id": f"i{number}", "data": {"text": {"raw": "x"}}} for number in range(20)]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.stop()
    again = start(data=tmp_path, create=False)
    again.sandbox.wait_idle()
    assert sorted(written(again)) == sorted(item["id"] for item in inputs)


def test_two_servers_do_not_share_a_folder(start: Callable[..., Api], tmp_path: Path) -> None:
    start(data=tmp_path)
    with pytest.raises(SandboxError) as caught:
        Sandbox(data=tmp_path).start()
    assert str(caught.value) == (
        f"another sandbox uses the data folder {tmp_path}\n"
        "  wait until it has ended, or stop it; sandbox serve can use another one with --data"
    )


@pytest.mark.parametrize("what", ["a file", "no database"])
def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path, what: str) -> None:
    data = tmp_path / "data"
    if what == "a file":
        data.write_text("x")
    else:
        data.mkdir()
        (data / "sandbox.db").write_bytes(b"this is no database at all, but quite long" * 50)
    with pytest.raises(SandboxError, match="cannot be used"):
        Sandbox(data=data).start()


def test_paths_can_be_texts(tmp_path: Path) -> None:
    scores = tmp_path / "scores.yaml"
    scores.write_text("{source: made up, images: []}\n")
    with Sandbox(data=str(tmp_path / "data"), scores=str(scores)):
        pass
    assert (tmp_path / "data" / "sandbox.db").exists()


def test_a_port_that_is_taken_says_so(api: Api) -> None:
    port = int(api.sandbox.base_url.rpartition(":")[2])
    with pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port}"):
        Sandbox(port=port).start()


def test_without_a_folder_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Sandbox() as sandbox:
        api = Api(sandbox)
        with api.session:
            api("POST", "/v2/users/me/apps", {"apps": [{"id": "park"}]})
        assert os.listdir(tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_sandbox_left_is_cleared_away_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "clarifai-sandbox-foreign").mkdir()
    served = Served.start(env={"TMPDIR": str(tmp_path)})
    (left,) = {path.name for path in tmp_path.iterdir()} - {"clarifai-sandbox-foreign"}
    with Sandbox():
        assert (tmp_path / left / "sandbox.db").exists()
    served.kill()
    assert (tmp_path / left / "sandbox.db").exists()
    with Sandbox():
        assert not (tmp_path / left).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["clarifai-sandbox-foreign"]


def test_a_commit_that_fails_is_none_and_the_next_one_works(tmp_path: Path) -> None:
    store = Store(tmp_path)
    at = Scope("me", "park")
    try:
        with store.write() as tx:
            tx._db.execute("PRAGMA max_page_count=30")
        with pytest.raises(sqlite3.OperationalError, match="full"), store.write() as tx:
            tx.bump(at, "n")
            for number in range(1000):
                tx.put_media(str(number), b"x" * 4096)
        with store.read() as tx:
            assert tx.counter(at, "n") == 0
        with store.write() as tx:
            tx.bump(at, "n")
        with store.read() as tx:
            assert tx.counter(at, "n") == 1
    finally:
        store.close()


def test_an_old_state_that_was_let_go_shows_the_present_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    at = Scope("me", "park")
    try:
        old = store.snapshot()
        with store.write() as tx:
            tx.bump(at, "n")
        with old.read() as tx:
            assert tx.counter(at, "n") == 0
        old.close()
        with old.read() as tx:
            assert tx.counter(at, "n") == 1
    finally:
        store.close()


def test_a_seed_makes_ids_repeatable(start: Callable[..., Api]) -> None:
    def made() -> str:
        api = start(seed=7)
        return api.thresholder("m", 1, a=0.5)

    assert made() == made()


def test_draining_ends_the_work_first(start: Callable[..., Api], tmp_path: Path) -> None:
    api = start(data=tmp_path)
    image = {"base64": base64.b64encode(png(9)).decode()}
    inputs = [{"id": f"i{number}", "data": {"image": image}} for number in range(10)]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.stop(drain=True)
    again = start(data=tmp_path, create=False)
    assert again("GET", "/inputs/status")["counts"]["processed"] == 10


def test_importing_it_is_cheap() -> None:
    code = "import sys, reconciler.sandbox; print([m for m in ('google', 'numpy', 'sqlite3') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
