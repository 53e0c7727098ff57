"""The tool as the command line wires it, over the in-memory platform; and a server that respells."""

from __future__ import annotations

import copy
import random
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fake_platform import FakePlatform, Switches
from pydantic import TypeAdapter
from reliability.made_up import APP, Manifest

from reconciler import registry
from reconciler.address import Address
from reconciler.call import Call, Json, Listing, Target
from reconciler.catalogue import ANNOTATION_STATUSES, COMPARATORS, PUBLIC_MODELS
from reconciler.cli import session
from reconciler.errors import ApiError
from reconciler.execution.delivery import Patience
from reconciler.execution.outcome import Status
from reconciler.execution.run import Limits, run
from reconciler.kind import Scope
from reconciler.planning.drift import Drift
from reconciler.planning.options import Options
from reconciler.planning.plan import Plan, Source
from reconciler.resource import ResourceGraph, is_blank

KINDS = registry.load()
TARGET = Target("alice", APP)
SWITCHES = tuple(
    Switches(keeps, shows, versions, post_model_makes_version=makes)
    for keeps in (True, False)
    for shows in (True, False)
    for versions in (True, False)
    for makes in (False, True)
)
"""Every way in which the in-memory platform may treat versions."""


@dataclass
class Platform(FakePlatform):
    """Knows inputs and the workflows of others too."""

    def _route(self, call: Call) -> Json:
        if call.path.endswith("/inputs/status"):
            return {"counts": {}}
        if "/clarifai/apps/main/workflows/" in call.path:
            return {"workflow": {"nodes": []}}
        return super()._route(call)


def declared(manifest: Manifest) -> ResourceGraph:
    """The desired graph, for the app and its owner."""
    sections = {
        kind.section: TypeAdapter(kind.section_type()).validate_python(manifest[kind.section])
        for kind in KINDS.values()
        if kind.section in manifest
    }
    scope = Scope(TARGET, TARGET.user_id)
    return ResourceGraph.of(r for kind in KINDS.values() for r in kind.declare(sections, scope))


def moves(manifest: Manifest) -> tuple[tuple[Address, Address], ...]:
    """The renames that a manifest states."""
    return tuple(
        (Address.parse(move["from"]), Address.parse(move["to"]))
        for move in manifest.get("moved", ())
    )


@dataclass(frozen=True)
class Tool:
    """Plans, applies and looks for drift, on any reader and writer."""

    platform: Any

    def plan(self, manifest: Manifest, **options: Any) -> Plan:
        """What would be done."""
        return session.read_plan(self._open(), self._question(manifest, options))

    def drift(self, manifest: Manifest) -> Drift:
        """What changed outside."""
        return session.read_drift(self._open(), self._question(manifest, {}))

    def apply(self, manifest: Manifest, **options: Any) -> Plan:
        """Carries a plan out, whole."""
        made = self.plan(manifest, **options)
        limits = Limits(parallelism=1, patience=Patience(read_back_timeout=0.0))
        outcomes = run(made.operations, made.target, KINDS, self.platform, limits=limits)
        failed = [f"{o.operation.key}: {o.error}" for o in outcomes if o.status is not Status.DONE]
        assert failed == []
        return made

    def changes(self, manifest: Manifest, **options: Any) -> list[str]:
        """The operations of a plan, with what they are about."""
        return [
            f"{operation.key}: "
            + ", ".join(f"{f.path} {f.before!r} -> {f.after!r}" for f in operation.change.fields)
            for operation in self.plan(manifest, **options).operations
        ]

    def _open(self) -> session.Platform[Any]:
        return session.Platform(self.platform, "http://fake", Target("me", APP))

    @staticmethod
    def _question(manifest: Manifest, options: Mapping[str, Any]) -> session.Question:
        shaped = Options(**{"prune_limit": 100, **options})
        return session.Question(declared(manifest), APP, Source(), shaped, moves(manifest))


# --- a server that says the same in other words


@dataclass
class Respelling:
    """A reader whose answers mean the same as the platform's, told as differently as they may be.

    With ``marks`` false it keeps nobody's ``metadata.reconciler``.
    """

    platform: FakePlatform
    seed: int
    marks: bool = True
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def get(self, call: Call) -> Json:
        """One answer, respelt."""
        return self._told(self.platform.get(call))

    def get_all(self, calls: Sequence[Call]) -> list[Json | ApiError]:
        """The same for many."""
        return [
            answer if isinstance(answer, ApiError) else self._told(answer)
            for answer in self.platform.get_all(calls)
        ]

    def read_list(self, listing: Listing) -> list[Json]:
        """A list in another order."""
        items = [self._told(item) for item in self.platform.read_list(listing)]
        self.dice.shuffle(items)
        return items

    def read_lists(self, listings: Sequence[Listing]) -> list[list[Json]]:
        """The same for many."""
        return [self.read_list(listing) for listing in listings]

    def _told(self, answer: Json) -> Json:
        told: Json = self._respelt(copy.deepcopy(answer), "")
        return told

    def _respelt(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            found = {key: self._respelt(item, key) for key, item in value.items()}
            found = self._object(found, name)
            keys = list(found)
            self.dice.shuffle(keys)
            return {key: found[key] for key in keys if not self._is_left_out(found[key], name)}
        if isinstance(value, list):
            items = [self._respelt(item, name) for item in value]
            if name in _UNORDERED:
                self.dice.shuffle(items)
            return items
        if name == "value" and isinstance(value, int | float):
            return struct.unpack("<f", struct.pack("<f", value))[0]
        if type(value) is int and name not in ("code", "gettable") and self._may():
            return float(value)
        return value

    def _is_left_out(self, value: Any, holder: str) -> bool:
        return value in ("", [], {}) and holder in _OBJECTS and self._may()

    def _may(self) -> bool:
        return self.dice.random() < 0.5

    def _object(self, found: dict[str, Any], name: str) -> dict[str, Any]:
        """One object with defaults filled in, enums respelt, and its marks gone if they are to."""
        if not self.marks and isinstance(found.get("metadata"), dict):
            found["metadata"].pop("reconciler", None)
        for field_, spelling in _ENUMS.items():
            if name == "params" and field_ in found:
                found[field_] = self._spelt(spelling, found[field_])
        if "model_type_id" in found and found["model_type_id"].startswith("concept-threshold"):
            found["model_type_id"] = self.dice.choice(("concept-threshold", "concept-thresholder"))
        if name == "concepts" and found.get("value") == 1.0 and self._may():
            del found["value"]
        if name == "node_inputs":
            return found
        if "node_inputs" in found or name == "nodes":
            found = {"node_inputs": [], "suppress_output": False, **found}
        if name in ("", "models", "model", "workflows", "app") and "id" in found:
            found = {"description": "", "notes": "", **found, "star_count": 0, "novel_field": {}}
        if name == "model":
            found = self._public(found)
        return self._edge(found) if "predicate" in found else found

    def _spelt(self, spelling: Any, value: Any) -> Any:
        name = spelling.name_of(value)
        number = spelling.number_of(name)
        return self.dice.choice((name, number, float(number), str(number)))

    def _public(self, model: dict[str, Any]) -> dict[str, Any]:
        """A public model by its hash, or by its readable id."""
        for known in PUBLIC_MODELS:
            if model.get("app_id") == "main" and model["id"] in (known.id, known.legacy_id):
                model["id"] = self.dice.choice((known.id, known.legacy_id))
        return model

    def _edge(self, edge: dict[str, Any]) -> dict[str, Any]:
        """A relation, told from either end."""
        if self._may():
            ends = edge["subject_concept"], edge["object_concept"]
            edge["object_concept"], edge["subject_concept"] = ends
            edge["predicate"] = _INVERSE[edge["predicate"]]
        return edge


_UNORDERED = {"concepts", "nodes", "node_inputs", "models", "workflows", "concept_relations"}
_OBJECTS = {"", "models", "model", "workflows", "app", "nodes", "output_info", "concept_relations"}
_ENUMS = {"concept_threshold_type": COMPARATORS, "annotation_status": ANNOTATION_STATUSES}
_INVERSE = {"hypernym": "hyponym", "hyponym": "hypernym", "synonym": "synonym"}


# --- what an app holds


def held(platform: FakePlatform, manifest: Manifest) -> dict[str, Any]:
    """What an app holds of all that a manifest declares, by address: fields, configurations, pins."""
    graph = declared(manifest)
    live = _live(platform)
    found: dict[str, Any] = {}
    for wanted in graph:
        kind, twin = KINDS[wanted.address.kind], live.get(wanted.identity)
        if twin is None:
            found[str(wanted.identity)] = None
            continue
        have = dict(kind.parts(twin.fields))
        told: dict[Any, Any] = {
            path: have.get(path) for path, _ in kind.parts(wanted.fields) if path[0] != "nodes"
        }
        if "nodes" in wanted.fields:
            told["nodes",] = _unpinned(platform, twin.fields["nodes"])
        if wanted.configuration is not None and wanted.options.get("train", _WHEN) == _WHEN:
            told["configuration",] = _configuration(platform, wanted.address.id, graph)
        found[str(wanted.identity)] = _without_blanks(told)
    return found


def _without_blanks(value: Any) -> Any:
    """Nothing is told apart from what the API treats like nothing."""
    if isinstance(value, Mapping):
        bare = {key: _without_blanks(item) for key, item in value.items()}
        return {key: item for key, item in bare.items() if not is_blank(item)}
    if isinstance(value, list | tuple):
        return [_without_blanks(item) for item in value]
    return value


_WHEN = "when-changed"


def _live(platform: FakePlatform) -> dict[Any, Any]:
    return {
        resource.identity: resource for kind in KINDS.values() for resource in _read(platform, kind)
    }


def _read(platform: FakePlatform, kind: Any) -> Iterable[Any]:
    source = kind.live(TARGET)
    if isinstance(source, Call):
        yield from kind.read(platform.get(source), TARGET)
    else:
        for item in platform.read_list(source):
            yield from kind.read(item, TARGET)


def _unpinned(platform: FakePlatform, nodes: Mapping[str, Any]) -> Any:
    """Nodes without the ids of versions of the app's own: what those hold is told with the models."""
    return {
        id_: {**node, "model_version_id": ""} if node["model"] in platform.models else dict(node)
        for id_, node in nodes.items()
    }


def _configuration(platform: FakePlatform, model: str, graph: ResourceGraph) -> Any:
    """The configuration that is live, of all that is declared: pinned by a node, or the newest."""
    wanted = graph.get(Address("model", (model,)))
    assert wanted is not None and wanted.configuration is not None
    pins = [
        node["model"]["model_version"]["id"]
        for id_, workflow in platform.workflows.items()
        if Address("workflow", (id_,)) in graph
        for node in workflow["nodes"]
        if node["model"]["id"] == model
    ]
    versions = platform.versions[model]
    if not versions:
        return None
    kind: Any = KINDS["model"]
    twin = next(r for r in _read(platform, kind) if r.address.id == model)
    found = []
    for version in [versions[pin] for pin in pins] or [list(versions.values())[-1]]:
        read = kind.read_version(version, twin, full=True).configuration
        if (told := _cut(read, wanted.configuration)) not in found:
            found.append(told)
    return found


def _cut(found: Any, stated: Mapping[str, Any]) -> Any:
    return {
        name: _cut(found.get(name) or {}, value)
        if isinstance(value, Mapping) and name in ("params", "train_params")
        else found.get(name)
        for name, value in stated.items()
    }
