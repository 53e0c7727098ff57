"""The shape of the platform's answers, as far as this tool reads them.

Names and types are those of the contract's messages (clarifai-grpc 12.6, ``resources.proto``), in
protobuf's JSON; the top level's names tell which message stands below them, whatever the request.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import unquote

from reconciler.call import Call, Json
from reconciler.shape import (
    FLAG,
    FREE,
    NAME,
    NUMBER,
    SCALAR,
    SHOWN,
    TEXT,
    Many,
    Message,
    MisfitError,
    Shape,
    Table,
    check_depth,
    parse_json,
)

LARGEST: Final = 24 * 1024 * 1024
"""Bytes of an answer, unpacked. A page of 1000 workflows with the longest notes has room in it."""

MOST_VALUES: Final = 1_000_000
"""Values of an answer: small ones cost thirty times their bytes once they are decoded."""

_STATUS = Message({"code": SCALAR, "description": TEXT, "details": TEXT, "req_id": TEXT})
_VISIBILITY = Message({"gettable": SCALAR})
_PINNED = Message({"id": NAME})
_NAMED: dict[str, Shape] = {"id": NAME, "user_id": NAME, "app_id": NAME}
_TOLD: dict[str, Shape] = {
    "description": TEXT,
    "notes": TEXT,
    "metadata": FREE,
    "visibility": _VISIBILITY,
    "created_at": TEXT,
    "modified_at": TEXT,
}
_OWNED: dict[str, Shape] = {"id": TEXT, "user_id": NAME, "app_id": NAME}
_CONCEPT = Message(
    {
        **_OWNED,
        "name": TEXT,
        "definition": TEXT,
        "metadata": FREE,
        "value": NUMBER,
    },
    needs=("id",),
)
_CONCEPTS: dict[str, Shape] = {"concepts": Many(_CONCEPT)}
_DATA = Message({**_CONCEPTS, "regions": Many(Message({"data": Message(_CONCEPTS)}))})
_MODEL_NAME: dict[str, Shape] = {**_NAMED, "model_version": _PINNED}
_INFO = Message(
    {
        "data": _DATA,
        "params": FREE,
        "output_config": FREE,
        "base_embed_model": Message(_MODEL_NAME),
    }
)
_VERSION_FIELDS: dict[str, Shape] = {
    "id": NAME,
    "status": _STATUS,
    "created_at": TEXT,
    "modified_at": TEXT,
    "completed_at": TEXT,
    "metadata": FREE,
    "output_info": _INFO,
    "input_info": _INFO,
    "train_info": _INFO,
}
_VERSION = Message(_VERSION_FIELDS, needs=("id",))
_MODEL = Message(
    {
        **_NAMED,
        **_TOLD,
        "model_type_id": TEXT,
        "model_version": Message(_VERSION_FIELDS),
        "version_count": NUMBER,
    },
    needs=("id",),
)
_NODES: dict[str, Shape] = {
    "nodes": Many(
        Message(
            {
                "id": TEXT,
                "model": Message(_MODEL_NAME),
                "node_inputs": Many(Message({"node_id": TEXT}, needs=("node_id",))),
                "suppress_output": FLAG,
                "output_info_override": _INFO,
            },
            needs=("id",),
        )
    )
}
_WORKFLOW = Message({**_NAMED, **_TOLD, **_NODES, "version": _PINNED}, needs=("id",))
_APP = Message(
    {
        **_NAMED,
        **_TOLD,
        "name": TEXT,
        "default_language": TEXT,
        "default_workflow": Message({**_NAMED, "version": _PINNED}),
        "default_workflow_id": NAME,
    },
    needs=("id",),
)
_USER = Message({"id": NAME}, needs=("id",))
_END = Message(_OWNED, needs=("id",))
_RELATION = Message(
    {
        "id": TEXT,
        "subject_concept": _END,
        "object_concept": _END,
        "predicate": TEXT,
        "knowledge_graph_id": TEXT,
    },
    needs=("id", "subject_concept", "object_concept"),
)
_ANNOTATION = Message(
    {
        "id": TEXT,
        "input_id": TEXT,
        "user_id": TEXT,
        "created_at": TEXT,
        "modified_at": TEXT,
        "status": _STATUS,
        "data": _DATA,
        "worker": Message({"user": Message({"id": TEXT}), "model": FREE}),
        "model_version_id": TEXT,
        "input_level": FLAG,
    }
)
_INPUT = Message({"id": TEXT, "status": _STATUS, "data": _DATA})
_MODEL_TYPE = Message(
    {
        "id": TEXT,
        "title": TEXT,
        "description": TEXT,
        "input_fields": Many(TEXT),
        "output_fields": Many(TEXT),
        "trainable": FLAG,
        "creatable": FLAG,
    },
    needs=("id",),
)

ANSWER: Final = Message(
    {
        "status": _STATUS,
        "app": _APP,
        "apps": Many(_APP),
        "user": _USER,
        "concept": _CONCEPT,
        "concepts": Many(_CONCEPT),
        "concept_relations": Many(_RELATION),
        "model": _MODEL,
        "models": Many(_MODEL),
        "model_version": _VERSION,
        "model_versions": Many(_VERSION),
        "model_types": Many(_MODEL_TYPE),
        "workflow": _WORKFLOW,
        "workflows": Many(_WORKFLOW),
        "workflow_versions": Many(Message(_NODES)),
        "input": _INPUT,
        "inputs": Many(_INPUT),
        "annotations": Many(_ANNOTATION),
        "counts": Table(NUMBER),
    }
)
"""Every answer that this tool asks for."""

_APP_PATH = r"/v2/users/[^/]+/apps/[^/]+"
_SHOWN: Final = tuple(
    (re.compile(pattern), key)
    for pattern, key in (
        (r"/v2/users/[^/]+", "user"),
        (_APP_PATH, "app"),
        (_APP_PATH + r"/models/[^/]+", "model"),
        (_APP_PATH + r"/models/[^/]+/versions/[^/]+", "model_version"),
        (_APP_PATH + r"/workflows/[^/]+", "workflow"),
    )
)
"""Which object the answer to a read of one has to show."""

_BY_ID: Final = frozenset({"app", "model_version", "workflow"})
"""Objects that have no second name: a public model answers to an older id too."""


def decode(content: bytes) -> tuple[Json, int]:
    """JSON in UTF-8, and how many values it may hold.

    Raises ``ValueError``, ``RecursionError`` or ``MisfitError`` for anything else.

    Numbers that no double holds, NaN, and halves of characters are no JSON of the platform's.
    """
    text = content.decode("utf-8-sig")
    values = text.count(",") + text.count("[") + text.count("{")
    if values > MOST_VALUES:
        raise MisfitError(
            f"holds up to {values:,} values, more than the {MOST_VALUES:,} that are read"
        )
    body = parse_json(text)
    if "\\ud" in text or "\\uD" in text:
        _check_text(body)
    return body, values


def check_answer(call: Call, body: Any) -> None:
    """Raises ``MisfitError`` unless a successful answer to a call is as the contract has it."""
    ANSWER.check(body)
    if call.method == "GET" and "page" not in call.query:
        key = next((key for path, key in _SHOWN if path.fullmatch(call.path)), "")
        if key and key not in body:
            raise MisfitError(f"has no {key}")
        if key in _BY_ID:
            _check_asked_for(call, key, body[key])


def _check_asked_for(call: Call, key: str, item: Json) -> None:
    """Raises ``MisfitError`` for another object than the path names; ``me`` may be anybody."""
    *_, user, _, name = ("", "", *map(unquote, call.path.split("/")))
    asked = {"id": name}
    if key == "app" and user != "me":
        asked["user_id"] = user
    for field, wanted in asked.items():
        found = item.get(field, wanted)
        if found != wanted:
            misfit = MisfitError(f"is {found[:SHOWN]!r}, where {wanted!r} was asked for")
            misfit.steps = [field, key]
            raise misfit


def check_failure(body: Any) -> None:
    """Raises ``MisfitError`` for a failed answer that cannot even be searched for what it says."""
    check_depth(body)


def _check_text(body: Any) -> None:
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MisfitError("holds half of a character (a lone surrogate)") from error
