"""A client that speaks plain JSON to a sandbox, and the bodies that tests send again and again."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import requests
from PIL import Image

from reconciler.sandbox import Sandbox

APP = "park"


@dataclass
class Api:
    """Requests to one app of a sandbox; paths begin behind the app, or with ``/v2`` as they are."""

    sandbox: Sandbox
    app: str = APP
    session: requests.Session = field(default_factory=requests.Session)

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        url = self.sandbox.base_url
        if not path.startswith(("/v2", "/_sandbox")):
            url += f"/v2/users/{self.sandbox.user_id}/apps/{self.app}"
        headers = {"Authorization": f"Key {self.sandbox.token}", **options.pop("headers", {})}
        return self.session.request(method, url + path, headers=headers, timeout=300, **options)

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer of a request that succeeds."""
        answer = self.raw(method, path, json=body, params=query)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["status"]["code"] == 10000, found
        return found

    def refused(
        self, method: str, path: str, body: Any = None, **query: Any
    ) -> tuple[int, int, str]:
        """HTTP status, code and details of a request that fails."""
        answer = self.raw(method, path, json=body, params=query)
        found = answer.json()["status"]
        return answer.status_code, found["code"], found.get("details", "")

    def concepts(self, *ids: str) -> None:
        self("POST", "/concepts", {"concepts": [{"id": id_} for id_ in ids]})

    def version(self, model: str, version: Any) -> str:
        made = self("POST", f"/models/{model}/versions", {"model_versions": [version]})
        return str(made["model"]["model_version"]["id"])

    def model(self, id_: str, type_id: str, version: Any) -> str:
        self("POST", "/models", {"model": {"id": id_, "model_type_id": type_id}})
        return self.version(id_, version)

    def thresholder(self, id_: str, comparator: Any, **thresholds: float) -> str:
        return self.model(id_, "concept-threshold", threshold_version(comparator, **thresholds))

    def writer(self, id_: str, status: Any) -> str:
        params = {"annotation_status": status, "annotation_user_id": "me"}
        return self.model(id_, "annotation-writer", {"output_info": {"params": params}})


def threshold_version(comparator: Any, **thresholds: float) -> Any:
    concepts = [{"id": id_, "value": value} for id_, value in thresholds.items()]
    params = {"concept_threshold_type": comparator}
    return {"output_info": {"data": {"concepts": concepts}, "params": params}}


def node(id_: str, model: str, version: str = "", *inputs: str, public: bool = False) -> Any:
    reference: dict[str, Any] = {"id": model}
    if version:
        reference["model_version"] = {"id": version}
    if public:
        reference |= {"user_id": "clarifai", "app_id": "main"}
    made: dict[str, Any] = {"id": id_, "model": reference}
    if inputs:
        made["node_inputs"] = [{"node_id": name} for name in inputs]
    return made


def png(shade: int, size: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (shade, 255 - shade, shade // 2)).save(buffer, "PNG")
    return buffer.getvalue()
