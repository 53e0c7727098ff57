"""First manifests: one that teaches, and one made from a workflow file of the official SDK.

The SDK's format is that of its ``App.create_workflow``: ``workflow: {id, nodes}``, models by the
platform's field names, some of them described in the node that uses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.catalogue import (
    ANNOTATION_STATUSES,
    COMPARATORS,
    PUBLIC_APP_ID,
    PUBLIC_USER_ID,
    canonical_model_type,
    public_model,
)
from reconciler.diagnostics import Diagnostic, arrange, has_errors, problem
from reconciler.errors import ManifestError
from reconciler.manifest import nodes as tree
from reconciler.manifest import sdk
from reconciler.manifest.documents import load_texts
from reconciler.manifest.nodes import describe, mapping_root, plain
from reconciler.manifest.scalars import scalar
from reconciler.origin import Origin

_STARTER: Final = """\
# yaml-language-server: $schema={schema}
#
# What one Clarifai app should look like. "reconciler plan" shows what would change in the live app,
# "reconciler apply" changes it. With --sandbox both work without an account.
app:
  id: {app_id}
  description: Labels people; sends doubtful images to review.
  default_workflow: auto-annotation   # runs on every new input

# Your labels. An id is for good, a name may change.
concepts:
  people: {{name: people}}
  adult: {{name: adult}}

# The general model predicts public concepts. Each line says which of yours one of them stands for.
concept_relations:
  - {{subject: people, predicate: synonym, object: clarifai/main/ai_l8TKp2h5}}
  - {{subject: adult, predicate: synonym, object: clarifai/main/ai_VPmHr5bm}}

models:
  to-app-concepts:                    # public concepts in, yours out
    model_type_id: concept-synonym-mapper

  # Where a score goes, here one of adult:
  #
  #   0 ............ 0.1 ................. 0.95 ............... 1
  #     not written      a person reviews       a label at once
  confident:
    model_type_id: concept-threshold
    concept_threshold_type: GREATER_THAN_OR_EQUAL
    thresholds: {{people: 0.9, adult: 0.95}}
  doubtful:                           # the exact opposite: no score falls between the two
    model_type_id: concept-threshold
    concept_threshold_type: LESS_THAN
    thresholds: {{people: 0.9, adult: 0.95}}
  plausible:                          # below this nobody needs to look
    model_type_id: concept-threshold
    concept_threshold_type: GREATER_THAN_OR_EQUAL
    thresholds: {{people: 0.1, adult: 0.1}}

  write-success-as-me:                # "me" is the owner of the token
    model_type_id: annotation-writer
    annotation_status: ANNOTATION_SUCCESS
    annotation_user_id: me
  write-pending-as-me:
    model_type_id: annotation-writer
    annotation_status: ANNOTATION_PENDING
    annotation_user_id: me

# Each node runs a model on what its inputs give; without node_inputs, on the new input itself. A
# model is one of those above, or user/app/model@version: pinned, so that nothing changes by itself.
workflows:
  auto-annotation:
    nodes:
      - {{id: general,   model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}}
      - {{id: mapper,    model: to-app-concepts,     node_inputs: [general]}}
      - {{id: confident, model: confident,           node_inputs: [mapper]}}
      - {{id: success,   model: write-success-as-me, node_inputs: [confident]}}
      - {{id: doubtful,  model: doubtful,            node_inputs: [mapper]}}
      - {{id: plausible, model: plausible,           node_inputs: [doubtful]}}
      - {{id: pending,   model: write-pending-as-me, node_inputs: [plausible]}}
"""


def starter(app_id: str, schema: str) -> str:
    """A manifest with comments that validates as it stands; ``schema`` is what editors are told."""
    return _STARTER.format(app_id=scalar(app_id), schema=schema)


# --- from a workflow file of the SDK

_PLACEHOLDER: Final = "my-concept"
_OWN_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "concept-threshold": {
        "concept_threshold_type": "GREATER_THAN_OR_EQUAL",
        "filter_other_concepts": "",
        "thresholds": f"{{{_PLACEHOLDER}: 0.5}}",
    },
    "annotation-writer": {
        "annotation_status": "ANNOTATION_PENDING",
        "annotation_user_id": "me",
        "annotation_info": "",
        "task_id": "",
    },
    "concept-synonym-mapper": {"knowledge_graph_id": ""},
    "embedding-classifier": {
        "concepts": f"[{_PLACEHOLDER}]",
        "concepts_mutually_exclusive": "",
    },
}
"""The keys that a type has of its own, with what to write where one is needed and not given."""

_ENUMS: Final = {
    "concept_threshold_type": COMPARATORS,
    "annotation_status": ANNOTATION_STATUSES,
}
_REFERENCE: Final = ("model_id", "user_id", "app_id", "model_version_id")


def from_workflow(data: str | bytes, file: str, app_id: str, schema: str) -> str:
    """A manifest that says what a workflow file says. Raises ``ManifestError``.

    What the file cannot say and a manifest must is filled in, marked by a comment.
    """
    loaded = load_texts({file: data})
    found = list(loaded.diagnostics)
    workflow = None if found else _read(loaded.documents, file, found)
    if workflow is None or has_errors(found):
        raise ManifestError(arrange(found), loaded.sources)
    return "\n".join(_lines(workflow, app_id, schema)) + "\n"


@dataclass(frozen=True, slots=True)
class _Workflow:
    """A workflow file's content; ``models`` are those that it describes itself."""

    id: str
    nodes: tuple[Mapping[str, Any], ...]
    models: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Value:
    """A scalar with its text, which counts where an id is wanted."""

    value: Any
    text: str


def _read(
    documents: tuple[tree.Document, ...], file: str, found: list[Diagnostic]
) -> _Workflow | None:
    """The workflow of a file; what is wrong with it is reported, and then there may be none."""
    root = mapping_root(documents[0]) if documents else None
    if isinstance(root, Diagnostic):
        found.append(root)
        return None
    if root is None or sdk.KEY not in root.items:
        hint = "it begins with 'workflow:', as the official SDK exports it"
        found.append(problem("RC103", f"no {sdk.KEY!r} in this file", Origin(file), hint=hint))
        return None
    root, wrong = sdk.translated(root)
    found += wrong
    if wrong:
        return None
    ((id_, workflow),) = _items(root, "workflows").items()
    nodes = workflow.items.get("nodes") if type(workflow) is tree.Mapping else None
    if type(nodes) is not tree.Sequence or not nodes.items:
        found.append(problem("RC102", "expected a list of nodes", workflow.origin))
        return None
    for node in nodes.items:
        found += _mistakes(node)
    if found:
        return None
    models = {name: plain(node, _written) for name, node in _items(root, "models").items()}
    return _Workflow(id_, tuple(plain(node, _written) for node in nodes.items), models)


def _items(root: tree.Mapping, section: str) -> Mapping[str, tree.Node]:
    found = root.items[section]
    assert type(found) is tree.Mapping
    return found.items


def _mistakes(node: tree.Node) -> Iterator[Diagnostic]:
    """What keeps a node from being written anew; all else is found when the manifest is read."""
    if type(node) is not tree.Mapping:
        yield problem("RC102", f"expected a node, got {describe(node)}", node.origin)
        return
    yield from _wanting(node, "id")
    model = node.items.get("model")
    if type(model) is tree.Mapping:
        yield from _wanting(model, "model_id")
    else:
        hint = "write 'model: {model_id: …}'"
        message = f"expected a model, got {describe(model) if model else 'nothing'}"
        yield problem("RC102", message, (model or node).origin, hint=hint)
    inputs = node.items.get("node_inputs")
    for source in inputs.items if type(inputs) is tree.Sequence else ():
        if type(source) is tree.Mapping:
            yield from _wanting(source, "node_id")
        else:
            hint = "write '- node_id: ID'"
            message = f"expected a node input, got {describe(source)}"
            yield problem("RC102", message, source.origin, hint=hint)


def _wanting(mapping: tree.Mapping, key: str) -> Iterator[Diagnostic]:
    value = mapping.items.get(key)
    if value is None:
        yield problem("RC103", f"missing key {key!r}", mapping.origin)
    elif type(value) is not tree.Scalar or not value.text:
        yield problem("RC102", f"expected an id, got {describe(value)}", value.origin)


def _written(found: tree.Scalar) -> _Value:
    return _Value(found.value, found.text)


def _lines(workflow: _Workflow, app_id: str, schema: str) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={schema}"
    yield "app:"
    yield f"  id: {scalar(app_id)}"
    yield f"  # default_workflow: {scalar(workflow.id)}   # without the '#': runs on every new input"
    models = [line for id_, model in workflow.models.items() for line in _model(id_, model)]
    if any(_PLACEHOLDER in line for line in models):
        yield from ("", "concepts:", f"  {_PLACEHOLDER}: {{name: {_PLACEHOLDER}}}  {_FILL_IN}")
    if models:
        yield from ("", "models:", *models)
    yield from ("", "workflows:", f"  {scalar(workflow.id)}:", "    nodes:")
    ids = [f"id: {scalar(node['id'].text)}," for node in workflow.nodes]
    for id_, node in zip(ids, workflow.nodes, strict=True):
        parts = [f"model: {_reference(node['model'], workflow)}"]
        sources = [scalar(source["node_id"].text) for source in node.get("node_inputs", ())]
        parts += [f"node_inputs: [{', '.join(sources)}]"] if sources else []
        padded = id_.ljust(max(map(len, ids)))
        yield f"      - {{{padded} {', '.join(parts)}}}"


_FILL_IN: Final = "# fill in: the workflow file does not say it"


def _model(id_: str, model: Mapping[str, Any]) -> Iterator[str]:
    """An inline model, in our keys; what our language has no key for is kept in a comment."""
    yield f"  {scalar(id_)}:"
    stated = dict(model)
    type_ = stated.pop("model_type_id", None)
    type_id = canonical_model_type(type_.text) if isinstance(type_, _Value) else ""
    yield f"    model_type_id: {scalar(type_id)}"
    if "description" in stated:
        yield f"    description: {_flow(stated.pop('description'))}"
    own = _OWN_KEYS.get(type_id)
    if own is None:
        yield from (f"    {scalar(key)}: {_flow(value)}" for key, value in stated.items())
        return
    params = stated.pop("params", None)
    stated |= params if isinstance(params, Mapping) else {}
    for key, otherwise in own.items():
        if key in stated:
            yield f"    {key}: {_flow(_named(key, stated.pop(key)))}"
        elif otherwise:
            yield f"    {key}: {otherwise}  {_FILL_IN}"
    if stated:
        yield f"    # not taken over: {_flow(stated)}"


def _named(key: str, value: Any) -> Any:
    if key in _ENUMS and isinstance(value, _Value):
        return _ENUMS[key].name_of(value.value) or value
    return value


def _reference(model: Mapping[str, Any], workflow: _Workflow) -> str:
    """The shortest form that means the same: without an owner, the app's own comes before main's."""
    id_, user, app, version = (model[key].text if key in model else "" for key in _REFERENCE)
    own = not user and not app and id_ in workflow.models
    if not user and not app and not own and public_model(id_):
        user, app = PUBLIC_USER_ID, PUBLIC_APP_ID
    if not (own or (user and app)) or set("/@") & set(id_ + user + app + version):
        return _flow({key: model[key].text for key in _REFERENCE if key in model})
    name = id_ if own else f"{user}/{app}/{id_}"
    return scalar(f"{name}@{version}" if version else name)


def _flow(value: Any) -> str:
    """A value in one line."""
    match value:
        case _Value(value=str()):
            return scalar(value.text)
        case _Value(value=None):
            return "null"
        case _Value():
            return value.text  # a number or a truth value, spelt as it was
        case str():
            return scalar(value)
        case Mapping():
            return "{" + ", ".join(f"{scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
        case _:
            return "[" + ", ".join(map(_flow, value)) + "]"
