"""Made-up manifests: valid ones, of every kind and model type, and pairs of them.

What an id is stays the same in all of them (a model's type), so that any two follow each other on
one app. Graphs are such that the platform's own checks take them.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

Manifest = dict[str, Any]

APP = "made-up"
EMBEDDER = "clarifai/main/general-image-embedding@bb186755eda04f9cbb6fe32e816be104"
GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
GENERAL_FORMS: tuple[Any, ...] = (
    GENERAL,
    GENERAL.partition("@")[0],
    "clarifai/main/aaa03c23b3724a16a56b629203edc62c@aa7f35c01e0642fda5cf400f543e7c40",
    {
        "model_id": "general-image-recognition",
        "model_version_id": "aa7f35c01e0642fda5cf400f543e7c40",
        "user_id": "clarifai",
        "app_id": "main",
    },
    {"model_id": "general-image-recognition"},
)
CONCEPTS = ("cat", "dog", "a.b", "Ünïcode x", "7")
PUBLIC_CONCEPTS = ("ai_l8TKp2h5", "ai_mFqxrph2")
GATES = ("gate-1", "gate-2", "gate-3")
MAPPERS = ("map-1", "map-2")
WRITERS = ("write-1", "write-2")
CROPS = ("crop-1",)
LEARNERS = ("learn-1", "learn-2")
WORKFLOWS = ("main", "spare", "third")

TEXTS = st.sampled_from(
    ("", "plain", "Ünïcode ☂", " blanks ", "12e4", "no", "two\nlines", "x" * 300)
)
SCORES = st.one_of(
    st.sampled_from((0, 1, 0.0, 1.0, 0.1, 0.95, 1 / 3, 1e-7)),
    st.floats(min_value=0, max_value=1, allow_nan=False, width=32),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    TEXTS,
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(("k", "l", "dotted.key")), inner, max_size=3),
    ),
    max_leaves=6,
)
METADATA = st.dictionaries(st.sampled_from(("team", "since", "nested", "a b")), JSON, max_size=3)
COMPARATORS = st.sampled_from(
    ("GREATER_THAN", "LESS_THAN", "GREATER_THAN_OR_EQUAL", "LESS_THAN_OR_EQUAL", 1, "2")
)
STATUSES = st.sampled_from(("ANNOTATION_SUCCESS", "ANNOTATION_PENDING", 24150, "24151"))


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


ABOUT = maybe(description=TEXTS, notes=TEXTS, metadata=METADATA)


@st.composite
def _gate(draw: st.DrawFn, concepts: list[str]) -> Manifest:
    limits = draw(st.dictionaries(st.sampled_from(concepts), SCORES, min_size=1))
    return {
        "model_type_id": draw(st.sampled_from(("concept-threshold", "concept-thresholder"))),
        "concept_threshold_type": draw(COMPARATORS),
        "thresholds": limits,
        **draw(maybe(filter_other_concepts=st.booleans())),
        **draw(ABOUT),
    }


@st.composite
def _learner(draw: st.DrawFn, concepts: list[str], trains: tuple[str, ...]) -> Manifest:
    return {
        "model_type_id": "embedding-classifier",
        "concepts": draw(st.lists(st.sampled_from(concepts), min_size=1, unique=True)),
        "train": draw(st.sampled_from(trains)),
        **draw(
            maybe(
                base_embed_model=st.sampled_from((EMBEDDER, EMBEDDER.partition("@")[0])),
                concepts_mutually_exclusive=st.booleans(),
                train_params=maybe(enrich_dataset=st.sampled_from(("Automatic", "Disabled"))),
            )
        ),
        **draw(ABOUT),
    }


_WRITER = st.fixed_dictionaries(
    {
        "model_type_id": st.just("annotation-writer"),
        "annotation_status": STATUSES,
        "annotation_user_id": st.just("me"),
    },
    optional={
        "annotation_info": st.dictionaries(st.sampled_from(("by", "n")), SCALARS, max_size=2),
        "task_id": st.just("task-1"),
        "description": TEXTS,
        "notes": TEXTS,
        "metadata": METADATA,
    },
)
_MAPPER = st.fixed_dictionaries(
    {"model_type_id": st.just("concept-synonym-mapper")},
    optional={"knowledge_graph_id": st.sampled_from(("", "graph")), "description": TEXTS},
)
_CROP = st.fixed_dictionaries(
    {"model_type_id": st.just("image-crop")},
    optional={
        "params": maybe(margin=st.sampled_from((1, 1.0, 1.3, 2))),
        "metadata": METADATA,
        "description": TEXTS,
    },
)


@st.composite
def _models(draw: st.DrawFn, concepts: list[str], trains: tuple[str, ...]) -> Manifest:
    made: Manifest = {}
    for ids, strategy in (
        (GATES, _gate(concepts)),
        (MAPPERS, _MAPPER),
        (WRITERS, _WRITER),
        (CROPS, _CROP),
        (LEARNERS if trains else (), _learner(concepts, trains)),
    ):
        for id_ in ids:
            if draw(st.booleans()):
                made[id_] = draw(strategy)
    return made


@st.composite
def _override(draw: st.DrawFn, concepts: list[str]) -> Manifest:
    limits = draw(st.dictionaries(st.sampled_from(concepts), SCORES, min_size=1))
    listed = [
        {"id": id_} if value == 1 and draw(st.booleans()) else {"id": id_, "value": value}
        for id_, value in limits.items()
    ]
    return {
        "data": {"concepts": listed},
        **draw(maybe(params=maybe(concept_threshold_type=st.sampled_from(("GREATER_THAN", 3))))),
    }


@st.composite
def _workflow(draw: st.DrawFn, models: Manifest, concepts: list[str]) -> Manifest:
    """Each node after the first reads concepts from an earlier one; in any order in the text."""
    nodes: list[Manifest] = [{"id": "general", "model": draw(st.sampled_from(GENERAL_FORMS))}]
    sources = ["general"]
    if learners := [id_ for id_ in LEARNERS if models.get(id_, {}).get("train") == "when-changed"]:
        nodes.append({"id": "embed", "model": EMBEDDER})
        for id_ in learners:
            nodes.append({"id": f"n {id_}", "model": id_, "node_inputs": ["embed"]})
            sources.append(f"n {id_}")
    usable = [id_ for id_ in models if id_ in GATES + MAPPERS + WRITERS]
    for index, id_ in enumerate(
        draw(st.lists(st.sampled_from(usable), max_size=6)) if usable else ()
    ):
        source = draw(st.sampled_from(sources))
        long = draw(st.booleans())
        node: Manifest = {
            "id": f"{id_}.{index}",
            "model": {"model_id": id_} if long else id_,
            "node_inputs": [{"node_id": source} if long else source],
            **draw(maybe(suppress_output=st.booleans())),
        }
        if id_ in GATES and draw(st.integers(0, 3)) == 0:
            node["output_info_override"] = draw(_override(concepts))
        nodes.append(node)
        if id_ not in WRITERS:
            sources.append(node["id"])
    return {"nodes": draw(st.permutations(nodes)), **draw(ABOUT)}


@st.composite
def _relations(draw: st.DrawFn, concepts: list[str]) -> list[Manifest]:
    """Each pair of concepts at most once in a graph."""
    ends = st.tuples(
        st.sampled_from(concepts),
        st.sampled_from([*concepts, *(f"clarifai/main/{id_}" for id_ in PUBLIC_CONCEPTS)]),
        st.sampled_from(("", "graph")),
    ).filter(lambda end: end[0] != end[1])
    found = draw(st.lists(ends, max_size=4, unique_by=lambda end: (frozenset(end[:2]), end[2])))
    return [
        {
            "subject": subject,
            "predicate": draw(st.sampled_from(("synonym", "hypernym", "hyponym"))),
            "object": far,
            **({"knowledge_graph_id": graph} if graph else {}),
        }
        for subject, far, graph in found
    ]


@st.composite
def manifests(
    draw: st.DrawFn,
    trains: tuple[str, ...] = ("when-changed", "when-untrained", "never"),
) -> Manifest:
    """One valid manifest, all sections of it. ``trains`` are the ways that classifiers may have."""
    concepts = draw(st.lists(st.sampled_from(CONCEPTS), min_size=2, unique=True))
    models = draw(_models(concepts, trains))
    workflows = {id_: draw(_workflow(models, concepts)) for id_ in WORKFLOWS if draw(st.booleans())}
    default = draw(
        st.sampled_from((None, "clarifai/main/Empty", "clarifai/main/General", *workflows))
    )
    app: Manifest = {
        "id": APP,
        **draw(
            maybe(
                name=TEXTS, description=TEXTS, notes=TEXTS, metadata=METADATA,
                default_language=st.just("en"),
                visibility=st.sampled_from(("PRIVATE", 10, "10")),
            )
        ),
        **({"default_workflow": default} if default else {}),
    }  # fmt: skip
    about = maybe(name=TEXTS, definition=TEXTS, metadata=METADATA)
    made: Manifest = {
        "app": app,
        "concepts": {id_: draw(st.one_of(st.none(), about)) for id_ in concepts},
        "concept_relations": draw(_relations(concepts)),
        "models": models,
        "workflows": workflows,
    }
    return {name: section for name, section in made.items() if section}


@st.composite
def pairs(
    draw: st.DrawFn, trains: tuple[str, ...] = ("when-changed",)
) -> tuple[Manifest, Manifest]:
    """A first manifest and the one that follows it: an unrelated one, or the same with some changes.

    Now and then the second says that a model was renamed.
    """
    first, other = draw(manifests(trains)), draw(manifests(trains))
    if draw(st.booleans()):
        return first, renamed(first, other)
    second = copy.deepcopy(first)
    for name in draw(st.lists(st.sampled_from(("app", "models", "texts")), unique=True)):
        if name == "app":
            stated = {k: v for k, v in other["app"].items() if k != "default_workflow"}
            second["app"] = {**stated, **_default(second)}
        elif name == "models":
            known = set(second["concepts"])
            second["models"] = {
                id_: new if _concepts_of(new) <= known and _train(new) == _train(model) else model
                for id_, model in second.get("models", {}).items()
                for new in [other.get("models", {}).get(id_, model)]
            }
        else:
            for section in ("concepts", "models", "workflows"):
                for stated in (second.get(section) or {}).values():
                    if stated is not None and draw(st.booleans()):
                        stated.update(draw(maybe(metadata=METADATA)))
    return first, renamed(first, second)


def renamed(first: Manifest, second: Manifest) -> Manifest:
    """The second with a ``moved`` for each model that could have been renamed to one of its own."""
    had, has = first.get("models", {}), second.get("models", {})
    moves = []
    for ids in (GATES, MAPPERS, WRITERS):
        old = [id_ for id_ in ids if id_ in had and id_ not in has]
        new = [id_ for id_ in ids if id_ in has and id_ not in had]
        moves += [
            {"from": f"model.{a}", "to": f"model.{b}"} for a, b in zip(old, new, strict=False)
        ]
    return {**second, "moved": moves} if moves else second


def _default(manifest: Manifest) -> Manifest:
    return {k: v for k, v in manifest["app"].items() if k == "default_workflow"}


def _concepts_of(model: Manifest) -> set[str]:
    return {*model.get("concepts", ()), *model.get("thresholds", ())}


def _train(model: Manifest) -> Any:
    return model.get("train")
