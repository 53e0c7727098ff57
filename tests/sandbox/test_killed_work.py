"""Training, evaluation and re-indexing, killed in the middle and taken up again."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sandbox.driving import Api, node

SERVE = """
import sys, time
from pathlib import Path
from reconciler.sandbox import Sandbox
sandbox = Sandbox(data=Path(sys.argv[1]))
sandbox.start()
print(sandbox.base_url, flush=True)
time.sleep(600)
"""
INPUTS = 60
WORDS = {"sport": "goal match team league", "food": "bread salt soup butter"}


def prepare(api: Api) -> str:
    """Labelled texts and a classifier trained on them; the default workflow does nothing yet."""
    api("PATCH", "", {"app": {"default_workflow_id": "Empty"}, "action": "overwrite"})
    inputs = []
    for number in range(INPUTS):
        concept = ("sport", "food")[number % 2]
        words = WORDS[concept].split()
        raw = f"{words[number % 4]} {words[(number + 1) % 4]} number {number}"
        data = {"text": {"raw": raw}, "concepts": [{"id": concept}]}
        inputs.append({"id": f"i{number}", "data": data})
    api("POST", "/inputs", {"inputs": inputs})
    version = api.model("topics", "embedding-classifier", SPECIFICATION)
    api.sandbox.wait_idle()
    return version


SPECIFICATION: Any = {"output_info": {"data": {"concepts": [{"id": "sport"}, {"id": "food"}]}}}


def queue(api: Api, version: str) -> tuple[str, str]:
    """Another training, an evaluation and a re-index, all of them still to do."""
    limits = api.thresholder("limits", 1, sport=0.5, food=0.5)
    nodes = [
        node("embed", "multilingual-text-embedding", public=True),
        node("topics", "topics", version, "embed"),
        node("limits", "limits", limits, "topics"),
        node("write", "w", api.writer("w", 24151), "limits"),
    ]
    api("POST", "/workflows", {"workflows": [{"id": "w", "nodes": nodes}]})
    api.sandbox.hold()
    body = {"app": {"default_workflow_id": "w"}, "action": "overwrite", "reindex": True}
    api("PATCH", "", body)
    second = api.version("topics", SPECIFICATION)
    made = api("POST", f"/models/topics/versions/{version}/evaluations", {})
    return second, made["eval_metrics"][0]["id"]


def serve_and_kill(folder: Path, after: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http")
    killer = threading.Timer(after, process.send_signal, [signal.SIGKILL])
    killer.start()
    killer.join()
    process.wait(300)
    process.stdout.close()


def test_work_on_classifiers_and_inputs_survives_kills(
    start: Callable[..., Api], tmp_path: Path
) -> None:
    api = start(data=tmp_path)
    version = prepare(api)
    second, evaluation = queue(api, version)
    counts = api("GET", "/inputs/status")["counts"]
    assert (counts["to_reindex"], counts["reindexed"]) == (INPUTS, 0)
    api.sandbox.stop()
    for moment in (0.05, 0.3):
        serve_and_kill(tmp_path, moment)
    again = start(data=tmp_path, create=False)
    again.sandbox.wait_idle()
    counts = again("GET", "/inputs/status")["counts"]
    assert counts["reindexed"] == counts["processed"] == INPUTS
    assert counts["to_reindex"] == counts["reindexing"] == counts["reindex_errors"] == 0
    listed = again("GET", "/annotations", per_page=1000, statuses="24151")["annotations"]
    assert sorted(item["input_id"] for item in listed) == sorted(f"i{n}" for n in range(INPUTS))
    trained = again("GET", f"/models/topics/versions/{second}")["model_version"]
    assert (trained["status"]["code"], trained["total_input_count"]) == (21100, INPUTS)
    done = again("GET", f"/evaluations/{evaluation}")["eval_metrics"]
    assert done["status"]["code"] == 21300
    assert done["summary"]["macro_avg_roc_auc"] > 0.9
