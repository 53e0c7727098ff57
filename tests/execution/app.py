"""A small stand-in for an app's inputs and annotations, with a script of mishaps."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from reconciler.call import Call, Json, Listing, Target
from reconciler.errors import ApiError, MixedError, TransportError

TARGET = Target("alice", "people")
PATH = "/v2/users/alice/apps/people/inputs"

Mishap = Callable[["App", Call], Json]
"""Plays instead of the ordinary answer to a write."""


@dataclass
class App:
    """Implements Writer. Inputs are processed one step with each look at them."""

    inputs: dict[str, Any] = field(default_factory=dict)
    annotations: list[Any] = field(default_factory=list)
    mishaps: list[Mishap] = field(default_factory=list)
    reads: list[Listing] = field(default_factory=list)
    writes: list[Call] = field(default_factory=list)
    fate: dict[str, int] = field(default_factory=dict)
    looks: int = 1
    refused: dict[str, int] = field(default_factory=dict)
    atomic: bool = False
    read_error: ApiError | None = None

    def get(self, call: Call) -> Json:
        raise NotImplementedError

    def get_all(self, calls: Sequence[Call]) -> list[Json | ApiError]:
        raise NotImplementedError

    def read_lists(self, listings: Sequence[Listing]) -> list[list[Json]]:
        return [self.read_list(listing) for listing in listings]

    def read_list(self, listing: Listing) -> list[Json]:
        self.reads.append(listing)
        if self.read_error is not None:
            raise self.read_error
        if listing.key == "annotations":
            return list(self.annotations)
        assert listing.path == PATH
        assert len(listing.query["ids"]) <= 128
        return [
            self._look(self.inputs[name]) for name in listing.query["ids"] if name in self.inputs
        ]

    def send(self, call: Call) -> Json:
        self.writes.append(call)
        if self.mishaps:
            return self.mishaps.pop(0)(self, call)
        return self.accept(call)

    def accept(self, call: Call) -> Json:
        assert (call.method, call.path) == ("POST", PATH)
        assert 1 <= len(call.body["inputs"]) <= 128
        codes = {one["id"]: self._judge(one) for one in call.body["inputs"]}
        bad = [code for code in codes.values() if code != 30001]
        if self.atomic and bad:
            codes = {name: 10020 if code == 30001 else code for name, code in codes.items()}
        answered = []
        for one in call.body["inputs"]:
            code = codes[one["id"]]
            if code == 30001:
                self.inputs[one["id"]] = {**one, "status": {"code": 30001}, "looks": 0}
            text = {30001: "Download pending", 30100: "Duplicate", 10020: "Failure"}
            status = {
                "code": code,
                "description": text.get(code, "Bad"),
                "details": f"it is {code}",
            }
            answered.append({"id": one["id"], "status": status})
        body = {"inputs": answered}
        if bad:
            error = MixedError("Mixed", method="POST", path=PATH, http_status=207, code=10010)
            error.body = body
            raise error
        return body

    def _judge(self, one: Json) -> int:
        for name, code in self.refused.items():
            if name in (one["id"], content(one)):
                return code
        return 30100 if one["id"] in self.inputs else 30001

    def _look(self, found: Json) -> Json:
        shown = {key: value for key, value in found.items() if key != "looks"}
        found["looks"] += 1
        if found["looks"] >= self.looks and found["status"]["code"] == 30001:
            code = self.fate.get(found["id"], 30000)
            texts = {30000: "Download complete", 30002: "Download failed"}
            found["status"] = {"code": code, "description": texts.get(code, "?")}
        return shown


def content(one: Json) -> Any:
    """The bytes, URL or text of an input as it was sent."""
    media = next(iter(one["data"].values()))
    if "base64" in media:
        return base64.b64decode(media["base64"])
    return media.get("url", media.get("raw"))


def lost(app: App, call: Call) -> Json:
    """Carried out, and the answer does not come."""
    with suppress(MixedError):
        app.accept(call)
    return dropped(app, call)


def dropped(app: App, call: Call) -> Json:
    """Not carried out, and no answer comes."""
    raise TransportError("silent", method="POST", path=call.path, unclear=True)


def half(app: App, call: Call) -> Json:
    """One half carried out, and the answer does not come."""
    inputs = call.body["inputs"]
    with suppress(MixedError):
        app.accept(Call("POST", call.path, body={"inputs": inputs[: (len(inputs) + 1) // 2]}))
    return dropped(app, call)


def failing(kind: type[ApiError], http: int, **facts: Any) -> Mishap:
    """Refused whole."""

    def play(app: App, call: Call) -> Json:
        raise kind("no such luck", method="POST", path=call.path, http_status=http, **facts)

    return play
