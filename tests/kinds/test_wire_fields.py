"""The wire field that editors and the reference name for a key is where its value really goes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from manifest_text import SCOPE, TARGET, declared

from reconciler import registry
from reconciler.call import Call
from reconciler.conversation import Write
from reconciler.kind import Job
from reconciler.manifest import schema
from reconciler.resource import Resource
from reconciler.values import Mark, thaw

KINDS = registry.load()
SPECS: Mapping[str, Any] = schema.json_schema(KINDS)["$defs"]

ANSWER = {"app": {"id": "an-app"}, "model_version": {"id": "v1", "status": {"code": 21100}}}

IN_THE_PATH = {"app.user_id", "concept_relation.subject_concept"}
"""What the URL says instead of the body."""

SINGULAR = {"apps": "app", "concepts": "concept", "workflows": "workflow"}
SINGULAR |= {"concept_relations": "concept_relation", "model_versions": "model_version"}


def full(name: str, **changes: Any) -> dict[str, Any]:
    """A spec with every key that it has, as its examples are."""
    (own,) = SPECS[name].get("examples", [{}])
    keys = {key: said["examples"][0] for key, said in SPECS[name]["properties"].items()}
    return {**keys, **own, **changes}


def manifest(spec: str) -> dict[str, Any]:
    """A manifest in which the spec stands with all its keys."""
    if spec == "AppSpec":
        return {"app": full(spec)}
    if spec == "ConceptSpec":
        return {"concepts": {"c": full(spec)}}
    if spec == "RelationSpec":
        return {"concept_relations": [full(spec)]}
    if spec == "WorkflowSpec":
        return {"workflows": {"w": full(spec)}}
    if spec == "NodeModelSpec":
        node = {"id": "a", "model": full(spec)}
    elif spec == "OverrideConceptSpec":
        data = {"concepts": [full(spec)]}
        node = {"id": "a", "model": "m", "output_info_override": {"data": data}}
    elif spec == "OverrideDataSpec":
        node = {"id": "a", "model": "m", "output_info_override": {"data": full(spec)}}
    elif spec == "OverrideSpec":
        node = {"id": "a", "model": "m", "output_info_override": full(spec)}
    elif spec == "NodeInputSpec":
        node = {"id": "a", "model": "m", "node_inputs": [full(spec)]}
    elif spec == "NodeSpec":
        node = full(spec)
    else:
        return {"models": {"m": full(spec)}}
    return {"workflows": {"w": {"nodes": [node]}}}


def sent(resource: Resource) -> Iterator[dict[str, Any]]:
    """The objects of all writes that create a resource, each under its singular name."""
    kind: Any = KINDS[resource.address.kind]
    protect = bool(resource.options.get("prevent_destroy"))
    job = Job(TARGET, Mark("an-app", protect=protect), desired=resource)
    answers = {Write: {"id": "v1", "status": {"code": 21100}}, Call: ANSWER}
    makers = [kind.create(job), *([kind.train(job)] if hasattr(kind, "trains") else [])]
    for conversation in makers:
        answer: Any = None
        while True:
            try:
                request = conversation.send(answer)
            except StopIteration:
                break
            if isinstance(request, Write):
                for name, body in thaw(request.call.body).items():
                    if name in SINGULAR:
                        yield {SINGULAR[name]: body[0]}
                    else:
                        yield {name: body}
            answer = answers.get(type(request))


def leads_somewhere(data: Any, path: str) -> bool:
    head, _, rest = path.partition(".")
    name = head.removesuffix("[]")
    if not isinstance(data, dict) or name not in data:
        return False
    found = data[name]
    if not rest:
        return True
    steps = found if head.endswith("[]") else [found]
    return any(leads_somewhere(step, rest) for step in steps)


@pytest.mark.parametrize("spec", [n for n in SPECS if n not in ("VariableSpec", "MovedSpec")])
def test_the_wire_field_of_every_key_is_what_is_sent(spec: str) -> None:
    bodies = [body for r in declared(json.dumps(manifest(spec)), SCOPE) for body in sent(r)]
    assert bodies
    wires = {key: said["x-wire"] for key, said in SPECS[spec]["properties"].items()}
    lost = {
        key: path
        for key, path in wires.items()
        if path
        and path not in IN_THE_PATH
        and not path.endswith("reconciler.owner")
        and not any(leads_somewhere(body, path) for body in bodies)
    }
    assert lost == {}
    assert [key for key, path in wires.items() if not path] == (
        ["train"] if spec == "EmbeddingClassifierSpec" else []
    )
