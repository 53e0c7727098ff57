"""Killed at any moment: what was acknowledged is there, what was begun ends, nothing is there twice.

``make test-long`` (``LONG=1``) kills it forty times.
"""

from __future__ import annotations

import base64
import os
import random
import shutil
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from reconciler.sandbox import Sandbox
from tests.sandbox.driving import Api, node, png
from tests.sandbox.serving import Served

LONG = bool(os.environ.get("LONG"))
KILLS = 40 if LONG else 4
CLIENTS = 6
SUCCESS, PENDING = 24150, 24151


def furnish(folder: Path) -> None:
    """Texts go to two writers; a classifier has what it needs to learn."""
    with Sandbox(data=folder) as sandbox:
        api = Api(sandbox)
        with api.session:
            api("POST", "/v2/users/me/apps", {"apps": [{"id": "park"}]})
            matched = {"data": {"concepts": [{"id": "seen"}]}, "params": {"regex": "."}}
            match = api.model("match", "regex-based-classifier", {"output_info": matched})
            writers = {"w1": SUCCESS, "w2": PENDING}
            nodes = [node("m", "match", match)]
            nodes += [node(id_, id_, api.writer(id_, code), "m") for id_, code in writers.items()]
            api("POST", "/workflows", {"workflows": [{"id": "auto", "nodes": nodes}]})
            api("POST", "/workflows", {"workflows": [{"id": "side", "nodes": nodes[:1]}]})
            api("PATCH", "", {"app": {"default_workflow_id": "auto"}, "action": "overwrite"})
            api.thresholder("keep", 1, seen=0.5)
            images = [
                {
                    "id": f"image{shade}",
                    "data": {
                        "image": {"base64": base64.b64encode(png(shade)).decode()},
                        "concepts": [{"id": "dark" if shade < 100 else "light"}],
                    },
                }
                for shade in (3, 9, 230, 250)
            ]
            api("POST", "/inputs", {"inputs": images})
            api("POST", "/models", {"model": {"id": "learner", "model_type_id": TYPE}})
            sandbox.wait_idle()


TYPE = "embedding-classifier"


@dataclass
class Book:
    """What the clients tried and what was acknowledged, by kind."""

    tried: dict[str, list[str]] = field(default_factory=dict)
    acknowledged: dict[str, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(self, kind: str, name: str, write: Callable[[], object]) -> None:
        with self.lock:
            self.tried.setdefault(kind, []).append(name)
        write()
        with self.lock:
            self.acknowledged.setdefault(kind, []).append(name)
        self.begun.set()


def texts(name: str) -> Any:
    return [{"id": f"{name}-{k}", "data": {"text": {"raw": "x"}}} for k in range(3)]


def writes(served: Served, name: str) -> dict[str, Callable[[], object]]:
    """One of each kind of write; each leaves something that has this name."""
    learned = {"data": {"concepts": [{"id": "dark"}, {"id": "light"}]}}
    stated = {"data": {"concepts": [{"id": "seen", "value": 0.5}]}}
    stated |= {"params": {"concept_threshold_type": 1}}
    mark = {"metadata": {name: True}}
    note = {"input_id": "image3", "data": {"concepts": [{"id": "seen"}]}}
    return {
        "concept": lambda: served("POST", "/concepts", {"concepts": [{"id": name}]}),
        "inputs": lambda: served("POST", "/inputs", {"inputs": texts(name)}),
        "merge": lambda: served(
            "PATCH", "/models", {"models": [{"id": "keep", **mark}], "action": "merge"}
        ),
        "annotation": lambda: served(
            "POST", "/annotations", {"annotations": [{**note, "annotation_info": {name: True}}]}
        ),
        "version": lambda: served(
            "POST", "/models/keep/versions", {"model_versions": [{"output_info": stated, **mark}]}
        ),
        "training": lambda: served(
            "POST",
            "/models/learner/versions",
            {"model_versions": [{"output_info": learned, **mark}]},
        ),
        "workflow": lambda: served(
            "PATCH",
            "/workflows",
            {"workflows": [{"id": "side", "description": name, **mark}], "action": "merge"},
        ),
        "deletion": lambda: (
            served("POST", "/inputs", {"inputs": texts(f"{name}-gone")[:1]}),
            served("DELETE", f"/inputs/{name}-gone-0"),
        ),
    }


def client(served: Served, book: Book, who: str) -> None:
    rng = random.Random(who)
    own = served.other()
    try:
        for number in range(10_000):
            name = f"{who}n{number}"
            todo = writes(own, name)
            kind = rng.choice(sorted(todo))
            book.carry_out(kind, name, todo[kind])
    except requests.RequestException:
        # It was killed.
        return
    except AssertionError as error:
        book.errors.append(str(error))
    finally:
        own.session.close()


def test_killed_at_any_moment(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    furnish(folder)
    book = Book()
    for kill in range(KILLS):
        served = Served.start("--data", folder)
        book.begun.clear()
        threads = [
            threading.Thread(target=client, args=(served, book, f"k{kill}c{number}"))
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        assert book.begun.wait(300), book.errors
        # Not a pause until something has happened: the moment itself is what is tried.
        threading.Event().wait(random.Random(kill).random())
        served.kill()
        for thread in threads:
            thread.join()
    assert book.errors == []
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for place in (folder, copy):
        again = Served.start("--data", place)
        try:
            again.wait_idle()
            check(again, book)
        finally:
            again.kill()
        with closing(sqlite3.connect(place / "sandbox.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("SELECT COUNT(*) FROM jobs").fetchone() == (0,)


def check(served: Served, book: Book) -> None:
    def whole(kind: str, found: list[str], *others: str) -> None:
        """All that was acknowledged once, what was only tried at most once, nothing else."""
        counted = Counter(found)
        assert [name for name, times in counted.items() if times > 1] == []
        assert sorted(set(book.acknowledged.get(kind, ())) - set(counted)) == []
        assert sorted(set(counted) - set(book.tried.get(kind, ())) - set(others)) == []

    concepts = [item["id"] for item in served.all("/concepts", "concepts")]
    whole("concept", concepts, "seen", "dark", "light")
    whole("merge", list(served("GET", "/models/keep")["model"]["metadata"]))
    whole("workflow", list(served("GET", "/workflows/side")["workflow"]["metadata"]))
    for kind, model in (("version", "keep"), ("training", "learner")):
        versions = served.all(f"/models/{model}/versions", "model_versions")
        named = [name for item in versions for name in item.get("metadata", {})]
        whole(kind, named)
        ended = {(item["status"]["code"], item["status"].get("details", "")) for item in versions}
        assert {code for code, _ in ended} <= {21100}, (model, ended)

    inputs = {item["id"]: item["status"]["code"] for item in served.all("/inputs", "inputs")}
    assert set(inputs.values()) == {30000}
    names = [id_.removesuffix("-0") for id_ in inputs if id_.endswith("-0") and "-gone-" not in id_]
    whole("inputs", names)
    assert all(f"{name}-{k}" in inputs for name in names for k in range(3))
    deleted = {f"{name}-gone-0" for name in book.acknowledged.get("deletion", ())}
    assert sorted(deleted & set(inputs)) == []
    counts = served("GET", "/inputs/status")["counts"]
    assert counts["processed"] == len(inputs)
    assert counts["to_process"] == counts["processing"] == counts["errors"] == 0

    annotations = [
        item for item in served.all("/annotations", "annotations") if not item.get("input_level")
    ]
    whole("annotation", [name for item in annotations for name in item.get("annotation_info", {})])
    written = Counter(
        (item["input_id"], item["status"]["code"])
        for item in annotations
        if not item.get("annotation_info")
    )
    texts_there = [id_ for id_ in inputs if not id_.startswith("image")]
    assert written == {(id_, code): 1 for id_ in texts_there for code in (SUCCESS, PENDING)}


def queue_again(sandbox: Sandbox, inputs: int) -> int:
    """Texts that were routed, and all inputs to be indexed once more; how many those are."""
    api = Api(sandbox)
    with api.session:
        for start in range(0, inputs, 100):
            batch = [item for n in range(start, start + 100) for item in texts(f"t{n}")[:1]]
            api("POST", "/inputs", {"inputs": batch})
        sandbox.wait_idle()
        kept = api("GET", "/workflows/auto")["workflow"]["nodes"]
        nodes = [item for item in kept if item["id"] != "w1"]
        api("POST", "/workflows", {"workflows": [{"id": "second", "nodes": nodes}]})
        sandbox.hold()
        change = {"app": {"default_workflow_id": "second"}, "action": "overwrite", "reindex": True}
        api("PATCH", "", change)
        total = len(api("GET", "/inputs", per_page=1000)["inputs"])
        assert api("GET", "/inputs/status")["counts"]["to_reindex"] == total
    return total


def test_killed_while_everything_is_indexed_again(tmp_path: Path) -> None:
    folder, inputs = tmp_path / "data", 300
    furnish(folder)
    with Sandbox(data=folder) as sandbox:
        total = queue_again(sandbox, inputs)
    for kill in range(3):
        served = Served.start("--data", folder)
        threading.Event().wait(0.1 * random.Random(f"again {kill}").random())
        served.kill()
    served = Served.start("--data", folder)
    try:
        served.wait_idle()
        counts = served("GET", "/inputs/status")["counts"]
        assert (counts["reindexed"], counts["reindex_errors"]) == (total, 0)
        written = Counter(
            (item["input_id"], item["status"]["code"])
            for item in served.all("/annotations", "annotations")
            if not item.get("input_level")
        )
        ids = [f"t{n}-0" for n in range(inputs)]
        assert written == {(id_, SUCCESS): 1 for id_ in ids} | {(id_, PENDING): 2 for id_ in ids}
    finally:
        served.kill()


def test_killed_while_it_starts(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    furnish(folder)
    for kill in range(40 if LONG else 6):
        begun = Served.begin("--data", folder)
        threading.Event().wait(1.2 * random.Random(f"start {kill}").random())
        begun.kill()
    again = Served.start("--data", folder)
    try:
        assert {item["id"] for item in again.all("/models", "models")} >= {"keep", "learner"}
        assert again("GET", "/v2/users/clarifai/apps/main/models/general-image-recognition")
    finally:
        again.kill()
