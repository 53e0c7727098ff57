"""What a manifest says of each live resource, in its own keys: values as data, remarks beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.address import APP, DEFAULT_WORKFLOW, Address
from reconciler.export import unsaid
from reconciler.export.reading import Described, Found
from reconciler.export.writing import Remarked
from reconciler.resource import Resource, VersionStatus, is_blank

_KEYS: Final = (
    "model_type_id",
    "name",
    "definition",
    "description",
    "notes",
    "metadata",
    "default_language",
    "visibility",
    "prevent_destroy",
    "default_workflow",
    "concept_threshold_type",
    "thresholds",
    "filter_other_concepts",
    "annotation_status",
    "annotation_user_id",
    "annotation_info",
    "task_id",
    "knowledge_graph_id",
    "concepts",
    "base_embed_model",
    "concepts_mutually_exclusive",
    "params",
    "input_params",
    "train_params",
    "train",
    "nodes",
)
"""The order in which keys are written; what is not here follows by name."""

_DEFAULTS: Final[Mapping[str, Any]] = {
    "default_language": "en",
    "visibility": "PRIVATE",
    "concepts_mutually_exclusive": False,
}
_WRITER: Final = "annotation-writer"
_WRITER_KEYS: Final = frozenset(
    {"annotation_status", "annotation_user_id", "annotation_info", "task_id"}
)
_CLASSIFIER: Final = "embedding-classifier"


@dataclass(frozen=True, slots=True)
class Shape:
    """How the manifest names its app: ``user_id`` is empty where it needs none."""

    user_id: str = ""
    schema: str = "_schema/manifest.schema.json"

    @property
    def owner(self) -> str:
        """Whose the app is, as far as the manifest says."""
        return self.user_id or "me"


@dataclass(frozen=True, slots=True)
class Stating:
    """A found app on its way to text; ``left`` are resources that cannot be part of the manifest."""

    found: Found
    shape: Shape
    left: Mapping[Address, str] = field(default_factory=dict)

    def owner_mark(self) -> str:
        """Whose marks this manifest goes by: the app's, else those that most objects carry."""
        app = self.found.app.graph.get(Address(APP))
        if app is not None and app.mark is not None:
            return app.mark.owner
        owners = Counter(r.mark.owner for r in self.found.app.graph if r.mark)
        own = self.found.app.target.app_id
        return min(owners, key=lambda name: (-owners[name], name != own, name), default=own)

    def foreign(self) -> Mapping[Address, str]:
        """Resources that another owner marked, with why they are not of this manifest."""
        owner = self.owner_mark()
        return {
            r.address: f"it belongs to {r.mark.owner!r}, the rest to {owner!r}; --take-over joins it"
            for r in self.found.app.graph
            if r.mark is not None and r.mark.owner != owner
        }

    # --- one resource each

    def app(self, resource: Resource) -> dict[str, Remarked]:
        """The keys of ``app``, without its default workflow."""
        target, owner = self.found.app.target, self.owner_mark()
        stated = dict(resource.fields)
        if stated.get("name") == target.app_id:
            del stated["name"]
        extra = list(unsaid.of_object(APP, resource.raw))
        keys: dict[str, Any] = {"id": target.app_id, "user_id": self.shape.user_id}
        keys["owner"] = owner if owner != target.app_id else ""
        keys |= _stated(stated, resource)
        values = {key: Remarked(value) for key, value in keys.items() if value != ""}
        values["id"] = Remarked(target.app_id, _no_keys(extra))
        return values

    def default_workflow(self) -> str:
        """What runs on every new input, empty if nothing does."""
        default = self.found.app.graph.get(Address(DEFAULT_WORKFLOW))
        return default.fields["workflow"] if default else ""

    def object(self, resource: Resource) -> Remarked:
        """What is in its manifest as in its fields."""
        extra = unsaid.of_object(resource.address.kind, resource.raw)
        stated = _stated(resource.fields, resource)
        return Remarked(stated, _no_keys([name for name in extra if name not in resource.fields]))

    def relation(self, resource: Resource) -> Remarked:
        """An edge."""
        subject, predicate, object_ = resource.address.parts
        edge = {"subject": subject, "predicate": predicate, "object": object_}
        if resource.address.graph:
            edge["knowledge_graph_id"] = resource.address.graph
        return Remarked(edge)

    def model(self, resource: Resource) -> Remarked:
        """A model by id, with the configuration of the version that it is described by."""
        described = self.found.described.get(resource.address)
        extra = list(unsaid.of_object("model", resource.raw))
        remarks: list[str] = []
        stated = dict(resource.fields)
        if described is not None:
            configuration = described.version.configuration or {}
            stated |= self._configuration(stated["model_type_id"], configuration, remarks)
            extra += unsaid.of_version(resource, described.raw)
            extra += unsaid.unread(configuration, described.raw)
            if self._is_untrained(resource) and stated["model_type_id"] == _CLASSIFIER:
                stated["train"] = "never"
                remarks.append(
                    "no version is trained; without 'train: never' apply would train one"
                )
        return Remarked(_stated(stated, resource), (*_no_keys(extra), *remarks))

    def unstatable(self, resource: Resource) -> str:
        """Why a model cannot be part of a manifest, empty if it can."""
        if resource.address not in self.found.described:
            return "it has no version that says what it is to do"
        if self._is_untrained(resource) and resource.fields["model_type_id"] != _CLASSIFIER:
            return "no version of it is trained, and apply would make one"
        return ""

    def _is_untrained(self, resource: Resource) -> bool:
        described = self.found.described[resource.address]
        return not described.pinned and described.version.status is not VersionStatus.TRAINED

    def _configuration(
        self, type_id: str, configuration: Mapping[str, Any], remarks: list[str]
    ) -> dict[str, Any]:
        stated = dict(configuration)
        if base := stated.pop("base_embed_model", None):
            name = self._embedder(base["model"], base["model_version_id"])
            if name:
                stated["base_embed_model"] = name
            else:
                remarks.append(
                    f"base_embed_model is {base['model']}, of no version: stated, it would be pinned"
                )
        if type_id == _WRITER:
            stated = {key: value for key, value in stated.items() if key in _WRITER_KEYS}
            app = self.found.app
            mine = app.me == app.target.user_id and not self.shape.user_id
            if mine and stated.get("annotation_user_id") == app.me:
                stated["annotation_user_id"] = "me"
        if "params" in stated:
            stated["params"] = unsaid.params_said(type_id, stated["params"])
        return stated

    def _embedder(self, model: str, version: str) -> str:
        if "/" not in model and self._describes(model, version):
            return model
        if not version:
            return ""
        return f"{self._own_name(model) if '/' not in model else model}@{version}"

    def _own_name(self, model: str) -> str:
        """How a model of this app is named: by its owner too if the manifest lacks it."""
        address = Address("model", (model,))
        if address in self.found.app.graph and address not in self.left:
            return model
        return f"{self.shape.owner}/{self.found.app.target.app_id}/{model}"

    def _describes(self, model: str, version: str) -> bool:
        address = Address("model", (model,))
        described = self._described(model)
        return (
            described is not None and described.version.id == version and address not in self.left
        )

    def _described(self, model: str) -> Described | None:
        return self.found.described.get(Address("model", (model,)))

    def workflow(self, resource: Resource) -> Remarked:
        """A workflow by id; its nodes in the order in which data flows."""
        stated = dict(resource.fields)
        nodes = stated.pop("nodes")
        raw = {node["id"]: node for node in resource.raw.get("nodes") or ()}
        written = [self._node(id_, nodes[id_], raw.get(id_, {})) for id_ in _along(nodes)]
        extra = list(unsaid.of_object("workflow", resource.raw))
        return Remarked({**_stated(stated, resource), "nodes": written}, _no_keys(extra))

    def _node(self, id_: str, node: Mapping[str, Any], raw: Mapping[str, Any]) -> Remarked:
        model, version = node["model"], node["model_version_id"]
        own = "/" not in model
        remarks: list[str] = []
        value: dict[str, Any] = {"id": id_}
        if own and self._describes(model, version):
            value["model"] = model
        else:
            value["model"] = _named(self._own_name(model) if own else model, version, raw)
            remarks += self._of_pin(model, version, own=own)
        if node["node_inputs"]:
            value["node_inputs"] = list(node["node_inputs"])
        if node["suppress_output"]:
            value["suppress_output"] = True
        if override := dict(node["output_info_override"]):
            if data := override.get("data"):
                concepts = [{"id": i, "value": v} for i, v in data["concepts"].items()]
                override["data"] = {"concepts": concepts}
            value["output_info_override"] = override
        overridden = raw.get("output_info_override") or {}
        extra = [
            *unsaid.of_object("node", raw),
            *(f"output_info_override.{name}" for name in unsaid.of_override(overridden)),
        ]
        return Remarked(value, (*_no_keys(extra), *remarks))

    def _of_pin(self, model: str, version: str, *, own: bool) -> Iterator[str]:
        """What a pin means that the manifest cannot mean everywhere."""
        if not version:
            yield "the node pins no version: plan picks the newest one"
        elif own and (Address("model", (model,)), version) in self.found.gone:
            yield "this version is gone; a node of another app cannot pin it"
        elif own:
            yield "a version that only this app has"


def _named(model: str, version: str, raw: Mapping[str, Any]) -> Any:
    """The short form where the ids allow it."""
    parts = model.split("/")
    if len(parts) in (1, 3) and "@" not in model + version and all(parts):
        return f"{model}@{version}" if version else model
    wire = raw.get("model") or {}
    keys = {"model_id": wire.get("id", ""), "model_version_id": version}
    keys |= {name: wire[name] for name in ("user_id", "app_id") if wire.get(name)}
    return {key: value for key, value in keys.items() if value}


def _stated(fields: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    """Fields that say something that a new object would not have by itself, in order."""
    values = {
        key: value
        for key, value in fields.items()
        if not is_blank(value) and (key not in _DEFAULTS or _DEFAULTS[key] != value)
    }
    if resource.mark is not None and resource.mark.protect:
        values["prevent_destroy"] = True
    rank = {key: number for number, key in enumerate(_KEYS)}
    return {key: values[key] for key in sorted(values, key=lambda k: (rank.get(k, len(rank)), k))}


def _no_keys(names: Iterator[str] | Sequence[str]) -> tuple[str, ...]:
    """One remark for all that stays as it is because no key says it."""
    shown = [unsaid.shown(name) for name in dict.fromkeys(names)]
    return (f"live too, but no key of a manifest says it: {', '.join(shown)}",) if shown else ()


def _along(nodes: Mapping[str, Any]) -> list[str]:
    """Node ids along the graph: a node as soon as all that it reads from is told; depth first."""
    readers: dict[str, list[str]] = {id_: [] for id_ in nodes}
    waiting = {id_: set(node["node_inputs"]) & set(nodes) for id_, node in nodes.items()}
    for id_ in sorted(nodes):
        for source in waiting[id_]:
            readers[source].append(id_)
    order: list[str] = []
    stack = sorted((id_ for id_, inputs in waiting.items() if not inputs), reverse=True)
    while stack:
        id_ = stack.pop()
        order.append(id_)
        ready = []
        for reader in readers[id_]:
            waiting[reader].discard(id_)
            if not waiting[reader]:
                ready.append(reader)
        stack += reversed(ready)
    return [*order, *sorted(set(nodes) - set(order))]  # a circle has no beginning
