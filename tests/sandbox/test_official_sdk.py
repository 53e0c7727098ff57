"""Clarifai's own SDK, unchanged, in programs of its own: it is told the address of the gRPC door alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.sandbox import Sandbox

PROGRAMS = Path(__file__).with_name("sdk_programs")
TOKEN = "sdk-0123456789abcdef"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(grpc_port=0) as found:
        yield found


def run(name: str, url: str, folder: Path, **settings: str) -> dict[str, Any]:
    """What a program prints. It runs in an empty folder and sees nothing of this machine's settings."""
    settings = {
        "CLARIFAI_API_BASE": url,
        "CLARIFAI_PAT": "any",
        "CLARIFAI_USER_ID": "me",
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        **settings,
    }
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / f"{name}.py")],
        cwd=folder,
        env=settings,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_apps_concepts_and_relations(sandbox: Sandbox, tmp_path: Path) -> None:
    assert run("apps", sandbox.grpc_url, tmp_path) == {
        "me": "sandbox-user",
        "twice": "duplicate app: 'made' already exists",
        "patched": ["second", "n", "Universal", "made"],
        "template": True,
        "concepts": [["food", "Food", 1], ["honey", "Honey", 1], ["sugar", "Cane sugar", 1]],
        "again": "duplicate concept: 'honey' already exists",
        "relations": {
            "all": [["honey", "hyponym", "food"], ["honey", "synonym", "sugar"]],
            "food": [["food", "hypernym", "honey"]],
            "one deleted": [["honey", "synonym", "sugar"]],
            "all deleted": [],
        },
        "all_apps": 21,
        "first_page": 16,
        "small_page": 6,
        "by_name": ["app-07"],
        "public": ["Empty", "Face-Sentiment", "Food", "General", "Moderation", "Text", "Universal"],
        "deleted": [None, "app_id 'made' not found. Check the url of your request."],
        "pipelines": "the sandbox does not implement ListPipelines",
        "runners": "the sandbox does not implement ListRunners",
    }


def test_models_and_workflows(sandbox: Sandbox, tmp_path: Path) -> None:
    assert run("workflows", sandbox.grpc_url, tmp_path) == {
        "absent": "model_id 'nobody' not found. Check the url of your request. "
        "Model does not exist.",
        "versions": ["v1", "v2"],
        "states": [21100],
        "thresholds": [["man", 0], ["people", 0.5]],
        "kept": ["above", True],
        "left": 1,
        "patched": ["above", "n"],
        "models": ["above", "from-yaml"],
        "by_type": ["from-yaml"],
        "mapper": ["concept-synonym-mapper", "made by the SDK"],
        "workflows": ["copy", "labels", "new"],
        "new_id": 36,
        "history": 2,
        "exported": [
            {
                "id": "general",
                "model": {
                    "app_id": "main",
                    "model_id": "general-image-recognition",
                    "model_version_id": "aa7f35c01e0642fda5cf400f543e7c40",
                    "user_id": "clarifai",
                },
            }
        ],
        "copied": "copy",
        "outputs": ["general-image-recognition"],
        "details": "no concepts: no scores are scripted for this image",
        "by_file": 1,
        "guessed": 1,
        "several": 3,
        "by_url": "INPUT_DOWNLOAD_FAILED: http://127.0.0.1:9/x.png: [Errno 111] Connection refused",
        "unused": [None, None, "workflow_id 'copy' not found. Check the url of your request."],
    }


def test_inputs_and_annotations(sandbox: Sandbox, tmp_path: Path) -> None:
    found = run("inputs", sandbox.grpc_url, tmp_path)
    uploaded = ["c1", "c2", "i1", "i2", "i3", "one", "pet0", "pet1", "pet2", "t1"]
    many = [f"m{number}" for number in range(6)]
    mask = ["mask", 0, 3, ["road"]]
    assert found == {
        "codes": {
            **dict.fromkeys(("bytes", "file", "url", "text", "csv", "folder", "texts"), 10000),
            "twice": 10020,
        },
        "states": {**dict.fromkeys(uploaded, 30000), "i3": 30002},
        "labels": [["people", "people", 1]],
        "metadata": {"k": "v", "n": 1},
        "place": [-30, 40],
        "retries": 0,
        "bad": 1,
        "regions": [
            [["box", 0.2, 0, ["a-car"]], mask],
            [["box", 0.3, 0, ["a-car"]], mask],
            [["box", 0.3, 0, ["a-car"]]],
        ],
        "patched": [["people", "man"], ["man"]],
        "everything": sorted(uploaded + many),
        "images": 11,
        "texts": 0,
        "page": 4,
        "gone": "",
        "absent": "input_id 'nobody' not found. Check the url of your request.",
    }


def test_training_datasets_evaluation_and_search(sandbox: Sandbox, tmp_path: Path) -> None:
    assert run("training", sandbox.grpc_url, tmp_path) == {
        "dataset": ["shades", "dark and light", True],
        "in_dataset": 12,
        "listed": ["shades"],
        "untrained": "embedding-classifier is a trainable model type. "
        "Use 'model.train()' to train the model",
        "params": [
            "concepts",
            "dataset_id",
            "dataset_version_id",
            "inference_params",
            "train_params",
        ],
        "saved": {"enrich_dataset": "Automatic"},
        "asked": "Automatic",
        "trainable": True,
        "likeliest": ["dark", "light"],
        "evaluated": ["exam"],
        "measured": ["dark", "light"],
        "auc": [1, 1],
        "alike": [[f"d{number}" for number in range(6)]],
        "labelled": [[f"l{number}" for number in range(6)]],
        "exported": "the sandbox does not implement GetModelVersionExport",
        "patched": "shades",
        "merged": [None, 12],
        "deleted": [None, None, None, 13],
    }


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """A sandbox that serves on its own: both of its addresses, and its process."""
    command = [sys.executable, "-m", "reconciler", "sandbox", "serve", "--pat", TOKEN]
    running = subprocess.Popen(
        [*command, "--port", "0", "--grpc-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout is not None
        rest, grpc = (running.stdout.readline().strip() for _ in range(2))
        yield rest, grpc, running
    finally:
        running.kill()
        running.communicate()


def test_the_address_that_serve_prints_is_all_that_the_sdk_needs(
    served: tuple[str, str, subprocess.Popen[str]], tmp_path: Path
) -> None:
    rest, grpc, running = served
    assert rest != grpc
    assert run("apps", grpc, tmp_path, CLARIFAI_PAT=TOKEN)["all_apps"] == 21
    headers = {"Authorization": f"Key {TOKEN}"}
    answer = requests.get(f"{rest}/v2/users/me/apps", headers=headers, timeout=300)
    assert len(answer.json()["apps"]) == 20
    running.send_signal(signal.SIGTERM)
    out, said = running.communicate(timeout=300)
    assert (running.returncode, out) == (0, "")
    assert f"export CLARIFAI_API_BASE={rest}\n" in said
    assert f"export CLARIFAI_API_BASE={grpc}\n" in said
    assert TOKEN not in said
