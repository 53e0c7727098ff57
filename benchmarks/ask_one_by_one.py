"""What one would write without this tool: read a manifest, GET each resource, compare.

Run by ``noop_plan.py``. It asks less than a plan does: it checks no manifest, compares a few fields
alone, takes the newest version for the one in use, and could not carry anything out.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import Any

import requests
import yaml

ENUM = {
    "GREATER_THAN_OR_EQUAL": 2,
    "LESS_THAN": 3,
    "ANNOTATION_SUCCESS": 24150,
    "ANNOTATION_PENDING": 24151,
}


class App:
    """GETs below one app, over one kept connection."""

    def __init__(self, app_id: str) -> None:
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Key {os.environ['CLARIFAI_PAT']}"
        self.base = f"{os.environ['CLARIFAI_API_BASE']}/v2/users/me/apps/{app_id}"
        self.requests = 0

    def get(self, path: str) -> Any:
        self.requests += 1
        answer = self.session.get(self.base + path, timeout=30)
        answer.raise_for_status()
        return answer.json()


def differences(manifest: Any, app: App) -> list[str]:
    found = []
    if app.get("")["app"]["default_workflow"]["id"] != manifest["app"]["default_workflow"]:
        found.append("default workflow")
    for id_, concept in manifest["concepts"].items():
        if app.get(f"/concepts/{id_}")["concept"]["name"] != concept["name"]:
            found.append(f"concept {id_}")
    for relation in manifest["concept_relations"]:
        listed = app.get(f"/concepts/{relation['subject']}/relations")["concept_relations"]
        ends = [(r["predicate"], r["object_concept"]["id"]) for r in listed]
        if (relation["predicate"], relation["object"]) not in ends:
            found.append(f"relation of {relation['subject']}")
    versions = {}
    for id_, model in manifest["models"].items():
        newest = app.get(f"/models/{id_}")["model"]["model_version"]["id"]
        version = app.get(f"/models/{id_}/versions/{newest}")["model_version"]
        versions[id_] = newest
        if not same_model(model, version["output_info"]):
            found.append(f"model {id_}")
    for id_, workflow in manifest["workflows"].items():
        live = {node["id"]: node for node in app.get(f"/workflows/{id_}")["workflow"]["nodes"]}
        for node in workflow["nodes"]:
            if not same_node(node, live.get(node["id"]), versions):
                found.append(f"workflow {id_} node {node['id']}")
    return found


def same_model(model: Any, info: Any) -> bool:
    params = info.get("params", {})
    for name in ("concept_threshold_type", "annotation_status"):
        if name in model and params.get(name) not in (model[name], ENUM[model[name]]):
            return False
    concepts = info.get("data", {}).get("concepts", [])
    live = {concept["id"]: float32(concept.get("value", 1)) for concept in concepts}
    return live == {id_: float32(value) for id_, value in model.get("thresholds", {}).items()}


def same_node(node: Any, live: Any, versions: dict[str, str]) -> bool:
    if live is None:
        return False
    reference, _, version = node["model"].partition("@")
    pinned = live["model"]["model_version"]["id"]
    inputs = {entry["node_id"] for entry in live.get("node_inputs", [])}
    return (
        live["model"]["id"] == reference.rpartition("/")[2]
        and pinned == (version or versions[reference])
        and inputs == set(node.get("node_inputs", []))
    )


def float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def main() -> None:
    text = Path(sys.argv[1]).read_text("utf-8")
    manifest = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    app = App(manifest["app"]["id"])
    found = differences(manifest, app)
    print(app.requests)
    if found:
        raise SystemExit(f"{len(found)} differ: {found[:5]}")


if __name__ == "__main__":
    main()
