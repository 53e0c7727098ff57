"""The official SDK's workflow files, read as documents of a manifest.

``workflow: {id, nodes}`` with long model references, and models described inline in a node (rules of
``clarifai/workflows/validate.py``, release 12.5). An inline model becomes a model of the manifest; a
service that has one of that id takes the description as wanted, as the SDK does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from reconciler.diagnostics import Diagnostic, did_you_mean, problem
from reconciler.manifest.nodes import Mapping, Node, Scalar, Sequence, describe, plain
from reconciler.origin import Origin

KEY = "workflow"

_VERSION = re.compile(r"[0-9A-Fa-f]{32}")
_WORKFLOW_KEYS = ("id", "nodes")
_NODE_KEYS = ("id", "model", "node_inputs")
_INLINE_KEYS = ("model_type_id", "description", "output_info")
_MODEL_KEYS = ("model_id", "model_version_id", "user_id", "app_id", *_INLINE_KEYS)
_PARAMS_ARE_KEYS = frozenset(
    {"concept-threshold", "concept-thresholder", "annotation-writer", "concept-synonym-mapper"}
)
"""Types whose parameters are keys of their own in a manifest."""


def translated(root: Mapping) -> tuple[Mapping, list[Diagnostic]]:
    """The document with ``workflow`` turned into ``workflows`` and ``models``; others as they are."""
    if KEY not in root.items:
        return root, []
    translation = _Translation()
    return translation.run(root), translation.found


@dataclass(slots=True)
class _Translation:
    found: list[Diagnostic] = field(default_factory=list)
    models: dict[str, tuple[Mapping, Origin]] = field(default_factory=dict)

    def run(self, root: Mapping) -> Mapping:
        key = root.key_origin(KEY)
        items = {name: node for name, node in root.items.items() if name != KEY}
        beside = [name for name in ("workflows", "models") if name in items]
        workflow = root.items[KEY]
        if type(workflow) is Mapping and _is_by_id(workflow) and "workflows" not in items:
            return self._by_id(root, workflow, items)
        for name in beside:
            message = f"{KEY!r} and {name!r} stand in one document"
            hint = "end the first one with a line '---', or write both in the manifest's form"
            self.found.append(problem("RC107", message, root.key_origin(name), hint=hint))
        if beside:
            return _with(root, items)
        if type(workflow) is not Mapping:
            message = f"expected a mapping with id and nodes, got {describe(workflow)}"
            self.found.append(problem("RC102", message, workflow.origin))
            return _with(root, items)
        self._unknown(workflow, _WORKFLOW_KEYS)
        id_ = workflow.items.get("id")
        if id_ is None:
            self.found.append(problem("RC103", "missing key 'id'", key, hint="name the workflow"))
            return _with(root, items)
        if type(id_) is not Scalar or id_.value is None:
            message = f"expected text, got {describe(id_)}"
            self.found.append(problem("RC102", message, id_.origin, hint="name the workflow"))
            return _with(root, items)
        fields = {"nodes": workflow.items["nodes"]} if "nodes" in workflow.items else {}
        if type(nodes := fields.get("nodes")) is Sequence:
            listed = [self._node(node) for node in nodes.items]
            fields["nodes"] = Sequence(nodes.file, nodes.line, nodes.column, listed)
        one = _with(workflow, fields)
        places = {id_.text: (id_.line, id_.column)}
        workflows = Mapping(workflow.file, key.line, key.column, {id_.text: one}, places)
        added = {"workflows": workflows, "models": self._models(workflow)}
        places = {**root.key_places, "workflows": (key.line, key.column)}
        places["models"] = (key.line, key.column)
        return Mapping(root.file, root.line, root.column, {**items, **added}, places)

    def _by_id(self, root: Mapping, workflow: Mapping, items: dict[str, Node]) -> Mapping:
        """What was to stand under the manifest's own key."""
        message = f"{KEY!r} holds one workflow with id and nodes, and here are workflows by id"
        hint = "did you mean 'workflows'?"
        self.found.append(problem("RC101", message, root.key_origin(KEY), hint=hint))
        places = {**root.key_places, "workflows": root.key_places[KEY]}
        return Mapping(root.file, root.line, root.column, {**items, "workflows": workflow}, places)

    def _node(self, node: Node) -> Node:
        if type(node) is not Mapping:
            return node
        self._unknown(node, _NODE_KEYS)
        fields = {name: item for name, item in node.items.items() if name in _NODE_KEYS}
        model = fields.get("model")
        if type(model) is not Mapping:
            return _with(node, fields)
        self._unknown(model, _MODEL_KEYS)
        known = {name: item for name, item in model.items.items() if name in _MODEL_KEYS}
        inline = [name for name in known if name in _INLINE_KEYS]
        id_ = known.get("model_id")
        if inline and "model_version_id" in known:
            for name in inline:
                message = f"a pinned model takes no {name!r}: its version says it already"
                hint = "leave out model_version_id, or all but model_id, user_id and app_id"
                self.found.append(problem("RC107", message, model.key_origin(name), hint=hint))
        elif inline and type(id_) is Scalar:
            self._inline(id_, model, known)
            known = {"model_id": id_}
        kept = {name: item for name, item in known.items() if name not in _INLINE_KEYS}
        version = kept.get("model_version_id")
        if type(version) is Scalar and _VERSION.fullmatch(version.text):
            kept["model_version_id"] = _in_lower_case(version)
        return _with(node, {**fields, "model": _with(model, kept)})

    def _inline(self, id_: Scalar, model: Mapping, known: dict[str, Node]) -> None:
        """Takes a described model into the manifest; equal descriptions are one model."""
        for name in ("user_id", "app_id"):
            owner = known.get(name)
            if owner is not None and type(owner) is not Scalar:
                message = f"expected text, got {describe(owner)}"
                self.found.append(problem("RC102", message, owner.origin))
        described = _with(model, dict(self._fields(known)))
        before = self.models.get(id_.text)
        if before is None:
            self.models[id_.text] = described, id_.origin
        elif plain(before[0]) != plain(described):
            message = f"model {id_.text!r} is described in two ways"
            related = [("first described here", before[1])]
            hint = "give one of them another model_id, or make them equal"
            found = problem("RC105", message, id_.origin, hint=hint, related=related)
            self.found.append(found)

    def _fields(self, known: dict[str, Node]) -> Iterator[tuple[str, Node]]:
        """A described model in the manifest's keys."""
        type_ = known.get("model_type_id")
        for name in ("model_type_id", "description"):
            if name in known:
                yield name, known[name]
        info = known.get("output_info")
        if info is None or (type(info) is Scalar and info.value is None):
            return
        if type(info) is not Mapping:
            message = f"expected a mapping with params, got {describe(info)}"
            self.found.append(problem("RC102", message, info.origin))
            return
        self._unknown(info, ("params",))
        params = info.items.get("params")
        flat = type(type_) is Scalar and type_.text in _PARAMS_ARE_KEYS
        if type(params) is Mapping and flat:
            yield from params.items.items()
        elif params is not None:
            yield "params", params

    def _models(self, workflow: Mapping) -> Mapping:
        items: dict[str, Node] = {name: node for name, (node, _) in self.models.items()}
        places = {name: (at.line, at.column) for name, (_, at) in self.models.items()}
        return Mapping(workflow.file, workflow.line, workflow.column, items, places)

    def _unknown(self, node: Mapping, keys: tuple[str, ...]) -> None:
        for name in node.items:
            if name not in keys:
                hint = did_you_mean(name, keys) or f"an SDK file takes {', '.join(keys)} here"
                message = f"unknown key {name!r}"
                self.found.append(problem("RC101", message, node.key_origin(name), hint=hint))


def _is_by_id(workflow: Mapping) -> bool:
    """Whether there stands what belongs under the manifest's own key."""
    return bool(workflow.items) and all(
        type(item) is Mapping and "nodes" in item.items for item in workflow.items.values()
    )


def _in_lower_case(version: Scalar) -> Scalar:
    """As the SDK sends it: the platform's ids are lower-case, and a pin has to equal one."""
    value = version.value.lower() if isinstance(version.value, str) else version.value
    text = version.text.lower()
    return Scalar(version.file, version.line, version.column, value, text, version.plain)


def _with(node: Mapping, items: dict[str, Node]) -> Mapping:
    """A copy with other items; keys that stay keep their places."""
    return Mapping(node.file, node.line, node.column, items, dict(node.key_places))
