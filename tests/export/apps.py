"""Valid manifests made up, and the tool's whole way from one to an app and back, without a server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fake_platform import FakePlatform
from hypothesis import strategies as st

from reconciler import registry
from reconciler.call import Target
from reconciler.cli.exporting import Made, manifest_of
from reconciler.execution.delivery import Patience
from reconciler.execution.outcome import Status
from reconciler.execution.run import Limits, run
from reconciler.export import reading
from reconciler.export.reading import Found
from reconciler.export.statements import Shape
from reconciler.manifest.desired import load
from reconciler.planning import diff, live
from reconciler.planning.options import Options, Policy
from reconciler.planning.plan import Plan, Source, build
from reconciler.resource import ResourceGraph
from reconciler.spec import ID_PATTERN

KINDS = registry.load()
GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
EMBEDDER = "clarifai/main/general-image-embedding@bb186755eda04f9cbb6fe32e816be104"


@dataclass
class Apps:
    """A platform, and the tool at work on its apps."""

    platform: Any = field(default_factory=FakePlatform)

    def plan(self, graph: ResourceGraph, app: str, owner: str) -> Plan:
        """What carrying out a desired graph takes."""
        options = Options()
        found = live.read_app(self.platform, KINDS, Target("me", app))
        settled = live.settle(self.platform, KINDS, graph, found)
        difference = diff.compare(
            settled.desired, settled.live, settled.choices, KINDS, Policy.of(owner, options)
        )
        return build(
            "https://api.clarifai.com",
            found.target,
            settled,
            difference,
            declared=graph,
            owner=owner,
            options=options,
            source=Source("app.yaml", "sha256:" + "0" * 64),
        )

    def apply(self, path: Path) -> Plan:
        """Carries a manifest out; the plan that was."""
        manifest = load(path, KINDS, default_app_id=None)
        scope = live.read_app(self.platform, KINDS, Target("me", manifest.app_id)).scope
        made = self.plan(manifest.build(KINDS, scope), manifest.app_id, manifest.owner)
        limits = Limits(parallelism=1, patience=Patience(read_back_timeout=0.0))
        outcomes = run(made.operations, made.target, KINDS, self.platform, limits=limits)
        assert [outcome for outcome in outcomes if outcome.status is not Status.DONE] == []
        return made

    def find(self, app: str) -> Found:
        """An app as export reads it."""
        return reading.find(self.platform, KINDS, Target("me", app))

    def export(self, app: str) -> Made:
        """An app's manifest."""
        return manifest_of(self.platform, self.find(app), KINDS, Shape())


def is_there(found: Found) -> Mapping[str, Any]:
    """All that an app holds by address, without what the service makes up: version ids."""
    held: dict[str, Any] = {}
    named = {
        (str(address), described.version.id): "described"
        for address, described in found.described.items()
    }
    for resource in found.app.graph:
        fields = dict(resource.fields)
        for id_, node in (fields.get("nodes") or {}).items():
            key = (f"model.{node['model']}", node["model_version_id"])
            told = {**node, "model_version_id": named.get(key, node["model_version_id"])}
            fields["nodes"] = {**fields["nodes"], id_: told}
        described = found.described.get(resource.address)
        configuration = described.version.configuration if described else None
        mark = resource.mark
        own_name = {"name": resource.address.id or found.app.target.app_id}
        held[str(resource.address)] = (
            _told(fields, {**_OWN, **own_name}),
            _told(configuration or {}, {"concepts_mutually_exclusive": False}),
            mark and (mark.owner, mark.protect),
        )
    return held


_OWN = {"visibility": "PRIVATE", "default_language": "en"}


def _told(fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What the service would not show of a new object by itself; the platform here fills nothing in."""
    return {
        key: value
        for key, value in fields.items()
        if value not in (None, "", (), {}) and (key not in defaults or value != defaults[key])
    }


def write(path: Path, data: Any) -> None:
    """A manifest as JSON, which is YAML but for the characters that only an escape can stand for."""
    text = json.dumps(_without_variables(data), ensure_ascii=False)
    path.write_text(re.sub(_UNSEEN, lambda found: f"\\u{ord(found[0]):04x}", text), "utf-8")


_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def _without_variables(data: Any) -> Any:
    if isinstance(data, str):
        return data.replace("${", "$${")
    if isinstance(data, dict):
        return {key: _without_variables(value) for key, value in data.items()}
    return list(map(_without_variables, data)) if isinstance(data, list) else data


# --- made up manifests


HOSTILE = st.sampled_from([
    "yes", "no", "on", "~", "null", "true", "1", "007", "1.50", "1e5", "0x1F", "-", "- a", "a: b", "a #b",
    "# a", "'", '"', "\\", "a\nb", "a\n", "\n", "a\n\nb\n", " a", "a ", "\ta", "a\tb\nc", "{a", "[a]", "*a",
    "&a", "!a", "%a", "@a", "`a", "|", ">", "a\rb", "é", "狗", "\U0001f415", "\u2028", "\x85", "\ufeff", "\0", "\x1b[0m",
    "${A}", "$${", "$", "a, b", "---", "...", "2024-01-01", "12:30", ".inf", "?", ": ", "<<", "=",
    "# Notes\n\nWith a list:\n\n- one\n- two\n", "ends with blanks  \nhere", "  indented\nfirst", "a" * 300,
])  # fmt: skip
texts = (
    HOSTILE
    | st.text(
        st.characters(exclude_categories=("Cs",)),
        min_size=1,
        max_size=12,
    )
    | st.sampled_from(["One line about it.", "Labels people; sends (doubtful) images to review."])
)
"""What people and servers put where text goes."""

ids = st.from_regex(re.compile(ID_PATTERN, re.ASCII), fullmatch=True).filter(
    lambda id_: len(id_) <= 20
) | st.sampled_from(["yes", "null", "007", "1e5", "0x1F", "0o17", "12e4", "true", "n"])
loose = (texts | ids).filter(
    lambda id_: "${" not in id_ and id_ not in (".", "..") and len(id_) < 128
)
scores = st.sampled_from([0.0, 0.1, 0.5, 0.95, 1.0, 1e-7, 1 / 3]) | st.floats(0, 1, width=32)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(loose, inner, max_size=3),
    max_leaves=6,
)
metadata = st.dictionaries(loose.filter(lambda key: key != "reconciler"), json_values, max_size=3)
about: dict[str, Any] = {"description": texts, "notes": texts, "metadata": metadata}


@st.composite
def manifests(draw: st.DrawFn, app: str = "an-app", *, real: bool = False) -> dict[str, Any]:
    """A manifest with a few of everything; ``real``: ids that servers take, nothing to be trained."""
    names = ids if real else loose
    concepts = draw(
        st.lists(names.filter(lambda id_: "/" not in id_), min_size=1, max_size=5, unique=True)
    )
    models = draw(st.dictionaries(ids, _models(concepts, real=real), max_size=6))
    flows = [id_ for id_, model in models.items() if model["model_type_id"] in _FLOW]
    workflows = draw(st.dictionaries(ids, _workflows(names, concepts, flows), max_size=3))
    defaults = ["clarifai/main/Empty", *workflows]
    return {
        "app": {
            "id": app,
            **draw(_some({
                **about,
                "name": texts,
                "owner": st.sampled_from(["another", app]),
                "visibility": _VISIBILITY,
                "default_language": st.sampled_from(["en", "de"]),
                "prevent_destroy": st.booleans(),
                "default_workflow": st.sampled_from(defaults),
            })),
        },
        "concepts": {id_: draw(_some(_CONCEPT) | st.just({})) for id_ in concepts},
        "concept_relations": draw(
            st.lists(_relations(concepts), max_size=4, unique_by=lambda r: frozenset((r["subject"], r["object"])))
        ),
        "models": models,
        "workflows": workflows,
    }  # fmt: skip


_FLOW = ("concept-threshold", "annotation-writer", "concept-synonym-mapper")
_VISIBILITY = st.sampled_from(["PRIVATE", "ORG", "PUBLIC"])
_CONCEPT = {
    "name": texts,
    "definition": texts,
    "metadata": metadata,
    "prevent_destroy": st.booleans(),
}


def _some(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _models(concepts: list[str], *, real: bool) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(st.sampled_from(concepts), min_size=1, unique=True)
    comparator = ["GREATER_THAN", "GREATER_THAN_OR_EQUAL", "LESS_THAN", "LESS_THAN_OR_EQUAL"]
    own = {**about, "visibility": _VISIBILITY, "prevent_destroy": st.booleans()}

    def of(type_id: str, needed: dict[str, Any], more: dict[str, Any]) -> Any:
        return st.fixed_dictionaries(
            {"model_type_id": st.just(type_id), **needed}, optional={**own, **more}
        )

    return st.one_of(
        of(
            "concept-threshold",
            {
                "concept_threshold_type": st.sampled_from(comparator),
                "thresholds": st.dictionaries(st.sampled_from(concepts), scores, min_size=1),
            },
            {"filter_other_concepts": st.booleans()},
        ),
        of(
            "annotation-writer",
            {
                "annotation_status": st.sampled_from(["ANNOTATION_SUCCESS", "ANNOTATION_PENDING"]),
                "annotation_user_id": st.just("me"),
            },
            {"annotation_info": metadata, "task_id": texts},
        ),
        of("concept-synonym-mapper", {}, {"knowledge_graph_id": ids}),
        st.nothing()
        if real
        else of(
            "embedding-classifier",
            {"concepts": some, "base_embed_model": st.just(EMBEDDER)},
            {
                "concepts_mutually_exclusive": st.booleans(),
                "train_params": st.just({"enrich_dataset": "Disabled"}),
            },
        ),
        of("image-crop", {}, {"params": st.fixed_dictionaries({"margin": st.sampled_from([2, 1.5])})}),
        of("regex-based-classifier", {"concepts": some, "params": st.fixed_dictionaries({"regex": texts})}, {}),
    )  # fmt: skip


def _relations(concepts: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    ends = [*concepts, "clarifai/main/ai_l8TKp2h5"]
    return st.fixed_dictionaries(
        {
            "subject": st.sampled_from(concepts),
            "predicate": st.sampled_from(["synonym", "hyponym", "hypernym"]),
            "object": st.sampled_from(ends),
        },
        optional={"knowledge_graph_id": ids},
    ).filter(lambda relation: relation["subject"] != relation["object"])


@st.composite
def _workflows(
    draw: st.DrawFn, names: st.SearchStrategy[str], concepts: list[str], models: list[str]
) -> dict[str, Any]:
    chosen = draw(st.lists(names, min_size=1, max_size=7, unique=True))
    nodes: list[dict[str, Any]] = []
    for id_ in chosen:
        if not nodes or not models:
            nodes.append({"id": id_, "model": draw(st.sampled_from([GENERAL, EMBEDDER]))})
            continue
        giving = [node["id"] for node in nodes if node["model"] != EMBEDDER]
        if not giving:
            nodes.append({"id": id_, "model": GENERAL})
            continue
        inputs = st.lists(st.sampled_from(giving), min_size=1, max_size=3, unique=True)
        node = {"id": id_, "model": draw(st.sampled_from(models)), "node_inputs": draw(inputs)}
        override = st.fixed_dictionaries({"id": st.sampled_from(concepts), "value": scores})
        more = {
            "suppress_output": st.booleans(),
            "output_info_override": st.fixed_dictionaries(
                {
                    "data": st.fixed_dictionaries(
                        {"concepts": st.lists(override, min_size=1, max_size=1)}
                    )
                }
            ),
        }
        nodes.append({**node, **draw(_some(more))})
    return {**draw(_some({**about, "prevent_destroy": st.booleans()})), "nodes": nodes}
