"""Workflows, both ways: what a manifest declares, what is sent for it, what an answer is read as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from reconciler.address import Address
from reconciler.call import Call, Listing, Target
from reconciler.catalogue import MODEL_TYPES
from reconciler.conversation import Write
from reconciler.kind import Job, Scope
from reconciler.kinds.nodes.spec import NodeInputSpec, NodeModelSpec, NodeSpec
from reconciler.kinds.workflow import KIND, WorkflowSpec
from reconciler.resource import External, Reference, Resource, ResourceGraph
from reconciler.values import Mark, thaw

TARGET = Target("alice", "an-app")
SCOPE = Scope(TARGET, "alice")
MARK = Mark("an-app")
HERE = "/v2/users/alice/apps/an-app/workflows"
GENERAL = "clarifai/main/general-image-recognition"
HASH = "aaa03c23b3724a16a56b629203edc62c"


def declared(*nodes: Mapping[str, Any], scope: Scope = SCOPE, **more: Any) -> Resource:
    """The workflow ``w`` of a manifest with a model ``m``."""
    stated = {"w": {"nodes": list(nodes), **more}}
    specs = TypeAdapter(KIND.section_type()).validate_python(stated)
    (found,) = KIND.declare({"models": {"m": None}, "workflows": specs}, scope)
    return found


def node(model: str = "m", version: str = "", **more: Any) -> dict[str, Any]:
    """A node in normal form."""
    return {
        "model": model,
        "model_version_id": version,
        "node_inputs": (),
        "suppress_output": False,
        "output_info_override": {},
        **more,
    }


def pin(id_: str, version: str = "", model: str = "m") -> Reference:
    path = ("nodes", id_, "model_version_id")
    return Reference(path, Address("model", (model,)), version, pins=True)


def external(id_: str, model: str, version: str = "") -> External:
    return External(model, version, ("nodes", id_, "model"), ("nodes", id_, "model_version_id"))


# --- declared

FULL: tuple[dict[str, Any], ...] = (
    {"id": "general", "model": f"{GENERAL}@v1"},
    {
        "id": "sure",
        "model": "m",
        "node_inputs": ["sample", {"node_id": "general"}],
        "suppress_output": True,
        "output_info_override": {
            "data": {"concepts": [{"id": "b", "value": 0.949999988079071}, {"id": "a"}]},
            "params": {"concept_threshold_type": 1, "annotation_status": 24150, "top": 2.0},
        },
    },
    {"id": "sample", "model": {"model_id": "m", "model_version_id": "v2"}},
)


def test_what_a_workflow_declares() -> None:
    about = {"description": "d", "notes": "n", "metadata": {"team": "a"}, "prevent_destroy": True}
    found = declared(*FULL, **about)
    concepts = ("nodes", "sure", "output_info_override", "data", "concepts")
    override = {
        "data": {"concepts": {"a": 1.0, "b": 0.95}},
        "params": {
            "concept_threshold_type": "GREATER_THAN",
            "annotation_status": "ANNOTATION_SUCCESS",
            "top": 2,
        },
    }
    nodes = {
        "general": node(GENERAL, "v1"),
        "sure": node(
            node_inputs=("general", "sample"),
            suppress_output=True,
            output_info_override=override,
        ),
        "sample": node(version="v2"),
    }
    assert found == Resource(
        Address("workflow", ("w",)),
        {"description": "d", "notes": "n", "metadata": {"team": "a"}, "nodes": nodes},
        references=(
            pin("sure"),
            Reference((*concepts, "b"), Address("concept", ("b",))),
            Reference((*concepts, "a"), Address("concept", ("a",))),
            pin("sample", "v2"),
        ),
        externals=(external("general", GENERAL, "v1"),),
        options={
            "prevent_destroy": True,
            "written_nodes": (("general", ()), ("sure", ("sample", "general")), ("sample", ())),
            "written_overrides": {"sure": ("b", "a")},
        },
    )
    assert found.source == ("workflows", "w")


def test_each_reference_knows_where_it_is_written() -> None:
    found = declared(*FULL)
    concepts = ("nodes", 1, "output_info_override", "data", "concepts")
    assert [reference.at for reference in found.references] == [
        ("nodes", 1, "model"),
        (*concepts, 0, "id"),
        (*concepts, 1, "id"),
        ("nodes", 2, "model"),
    ]
    assert [external.at for external in found.externals] == [("nodes", 0, "model")]


def test_what_a_workflow_does_not_state_is_left_to_the_app() -> None:
    found = declared({"id": "a", "model": "m"})
    assert found.fields == {"nodes": {"a": node()}}
    assert found.options == {"written_nodes": (("a", ()),)}
    assert (found.references, found.externals) == ((pin("a"),), ())


@pytest.mark.parametrize(
    ("override", "fields", "options"),
    [
        ({}, {}, {}),
        ({"data": {"concepts": []}}, {}, {"written_overrides": {"a": ()}}),
        ({"params": {}}, {}, {}),
        ({"params": {"top": 3}}, {"params": {"top": 3}}, {}),
        (
            {"data": {"concepts": [{"id": "x"}]}},
            {"data": {"concepts": {"x": 1.0}}},
            {"written_overrides": {"a": ("x",)}},
        ),
    ],
    ids=["empty", "no concepts", "no params", "params", "concepts"],
)
def test_a_part_that_an_override_leaves_out_is_not_there(
    override: Any, fields: Any, options: Any
) -> None:
    found = declared({"id": "a", "model": "m", "output_info_override": override})
    assert found.fields["nodes"]["a"] == node(output_info_override=fields)
    assert found.options == {
        "written_nodes": (("a", ()),),
        **options,
    }


def test_concepts_that_a_foreign_model_gets_are_none_of_the_app() -> None:
    concepts = {"data": {"concepts": [{"id": "x"}]}}
    found = declared({"id": "a", "model": f"{GENERAL}@v", "output_info_override": concepts})
    assert found.references == ()


@pytest.mark.parametrize("sections", [{}, {"workflows": None}, {"workflows": {}}], ids=str)
def test_a_manifest_without_workflows_declares_none(sections: Any) -> None:
    assert list(KIND.declare(sections, SCOPE)) == []


@pytest.mark.parametrize("sections", [{}, {"models": None}], ids=str)
def test_a_manifest_without_models_has_none_of_its_own(sections: Any) -> None:
    nodes = [{"id": "a", "model": {"model_id": "m"}}]
    specs = TypeAdapter(KIND.section_type()).validate_python({"w": {"nodes": nodes}})
    (found,) = KIND.declare({**sections, "workflows": specs}, SCOPE)
    assert (found.references, found.externals) == ((), (external("a", "m"),))


@pytest.mark.parametrize(
    ("stated", "model", "version"),
    [
        ("bob/other/x", "bob/other/x", ""),
        ("bob/other/x@v", "bob/other/x", "v"),
        ("alice/other/x", "alice/other/x", ""),
        ("me/other/x", "alice/other/x", ""),
        ("alice/an-app/x", "x", ""),
        ("me/an-app/x@v", "x", "v"),
        (f"clarifai/main/{HASH}", GENERAL, ""),
        ({"model_id": "x"}, "x", ""),
        ({"model_id": "x", "model_version_id": "v"}, "x", "v"),
        ({"model_id": "x", "user_id": "bob", "app_id": "other"}, "bob/other/x", ""),
        ({"model_id": "x", "user_id": "bob"}, "bob/an-app/x", ""),
        ({"model_id": "x", "app_id": "other"}, "alice/other/x", ""),
        ({"model_id": "x", "user_id": "me", "app_id": "other"}, "alice/other/x", ""),
        ({"model_id": "x", "user_id": "me"}, "x", ""),
        ({"model_id": "m", "user_id": "bob", "app_id": "an-app"}, "bob/an-app/m", ""),
        ({"model_id": HASH, "user_id": "clarifai", "app_id": "main"}, GENERAL, ""),
    ],
    ids=str,
)
def test_a_model_that_the_manifest_does_not_have_is_looked_up(
    stated: Any, model: str, version: str
) -> None:
    found = declared({"id": "a", "model": stated})
    assert (found.references, found.externals) == ((), (external("a", model, version),))
    assert found.fields["nodes"]["a"] == node(model, version)


@pytest.mark.parametrize(
    "stated",
    ["m", "alice/an-app/m", "me/an-app/m", {"model_id": "m"}, {"model_id": "m", "user_id": "me"}],
    ids=str,
)
def test_a_model_of_the_manifest_is_none_to_look_up(stated: Any) -> None:
    found = declared({"id": "a", "model": stated})
    assert (found.references, found.externals) == ((pin("a"),), ())


def test_a_bare_name_is_the_manifests_even_where_it_is_missing() -> None:
    found = declared({"id": "a", "model": "x@v"})
    assert (found.references, found.externals) == ((pin("a", "v", "x"),), ())


def test_forms_that_are_read_already_are_taken_as_they_are() -> None:
    spec = NodeSpec.model_validate(
        {
            "id": "a",
            "model": NodeModelSpec(model_id="m"),
            "node_inputs": [NodeInputSpec(node_id="b"), {"node_id": "c"}, "d"],
        }
    )
    assert spec.model == NodeModelSpec(model_id="m")
    assert spec.node_inputs == ["b", "c", "d"]


def test_the_section_has_an_example() -> None:
    (example,) = TypeAdapter(KIND.section_type()).json_schema()["examples"]
    assert example == {"auto-annotation": {"nodes": WorkflowSpec.EXAMPLE["nodes"]}}
    specs = TypeAdapter(KIND.section_type()).validate_python(example)
    assert [str(r.address) for r in KIND.declare({"workflows": specs}, SCOPE)] == [
        "workflow.auto-annotation"
    ]


# --- checked


def model(id_: str, type_id: str) -> Resource:
    return Resource(Address("model", (id_,)), {"model_type_id": type_id})


def test_a_graph_is_checked_against_the_types_of_its_models() -> None:
    nodes = [{"id": "e", "model": "m"}, {"id": "t", "model": "n", "node_inputs": ["e", "gone"]}]
    workflow = declared(*nodes)
    embedder, thresholder = model("m", "visual-embedder"), model("n", "concept-threshold")
    graph = ResourceGraph.of([workflow, embedder, thresholder])
    missing, unfit = (
        ("RC203", ("nodes", 1, "node_inputs", 1)),
        ("RC207", ("nodes", 1, "node_inputs")),
    )

    def found(*asked: Any) -> list[Any]:
        return [(problem.code, problem.at) for problem in KIND.check(workflow, *asked)]

    assert found(graph, MODEL_TYPES) == [missing]
    assert found(graph, {}) == [missing]
    workflow = declared(nodes[0], {**nodes[1], "node_inputs": ["e"]})
    assert found(graph, MODEL_TYPES) == [unfit]
    assert found(graph, {}) == []
    assert found(ResourceGraph.of([workflow, embedder]), MODEL_TYPES) == []


@pytest.mark.parametrize(
    ("id_", "name"), [("Universal", "clarifai/main/Universal"), ("Mine", ""), ("", "")]
)
def test_a_public_workflow_is_known_by_its_full_name(id_: str, name: str) -> None:
    assert KIND.elsewhere(id_) == name


# --- read

ANSWER: dict[str, Any] = {
    "id": "w",
    "user_id": "alice",
    "app_id": "an-app",
    "description": "d",
    "notes": "n",
    "metadata": {"team": "a", "size": 2.0, "reconciler": {"owner": "an-app", "origin": "created"}},
    "use_cases": ["u"],
    "created_at": "2026-01-01T00:00:00Z",
    "version": {"id": "w1"},
    "nodes": [
        {
            "id": "general",
            "model": {
                "id": HASH,
                "user_id": "clarifai",
                "app_id": "main",
                "model_version": {"id": "v1"},
            },
        },
        {
            "id": "sure",
            "model": {"id": "m", "model_version": {"id": "v2"}},
            "node_inputs": [{"node_id": "sample"}, {"node_id": "general"}],
            "suppress_output": True,
            "output_info_override": {
                "data": {"concepts": [{"id": "b", "value": 0.949999988079071}, {"id": "a"}]},
                "params": {
                    "concept_threshold_type": 1.0,
                    "annotation_status": "ANNOTATION_PENDING",
                    "top": 2.0,
                },
                "message": "unknown",
            },
        },
        {"id": "sample", "model": {"id": "x", "user_id": "bob"}},
    ],
}


def read(answer: Mapping[str, Any]) -> Resource:
    (found,) = KIND.read(answer, TARGET)
    return found


def test_what_an_answer_is_read_as() -> None:
    override = {
        "data": {"concepts": {"a": 1.0, "b": 0.95}},
        "params": {
            "concept_threshold_type": "GREATER_THAN",
            "annotation_status": "ANNOTATION_PENDING",
            "top": 2,
        },
    }
    found = read(ANSWER)
    assert found == Resource(
        Address("workflow", ("w",)),
        {
            "description": "d",
            "notes": "n",
            "metadata": {"team": "a", "size": 2},
            "nodes": {
                "general": node(GENERAL, "v1"),
                "sure": node(
                    version="v2",
                    node_inputs=("general", "sample"),
                    suppress_output=True,
                    output_info_override=override,
                ),
                "sample": node("bob/an-app/x"),
            },
        },
        references=(pin("sure", "v2"),),
        mark=MARK,
    )
    assert type(found.fields["metadata"]["size"]) is int
    assert found.raw == ANSWER
    assert [reference.at for reference in found.references] == [()]


def test_what_an_answer_leaves_out_is_empty() -> None:
    nothing = {"description": "", "notes": "", "metadata": {}}
    assert read({"id": "w"}) == Resource(Address("workflow", ("w",)), {**nothing, "nodes": {}})
    bare = read({"id": "w", "nodes": [{"id": "a"}, {"id": "b", "model": {"app_id": "other"}}]})
    assert bare.fields == {**nothing, "nodes": {"a": node(""), "b": node("alice/other/")}}
    assert bare.references == (pin("a", model=""),)


def test_an_enum_that_nobody_knows_stays_as_it_is() -> None:
    params = {"concept_threshold_type": 77, "annotation_status": "NEW", "top": 1}
    found = read({"id": "w", "nodes": [{"id": "a", "output_info_override": {"params": params}}]})
    assert found.fields["nodes"]["a"]["output_info_override"] == {"params": params}


@pytest.mark.parametrize("more", [{"user_id": "clarifai"}, {"app_id": "main"}], ids=str)
def test_a_workflow_of_another_app_in_a_list_is_none_of_this_one(more: Any) -> None:
    assert list(KIND.read({**ANSWER, **more}, TARGET)) == []
    bare = {"id": "w", **more}
    assert list(KIND.read(bare, TARGET)) == []


def test_where_workflows_are_read() -> None:
    assert KIND.live(TARGET) == Listing(HERE, "workflows")
    earlier = KIND.history(TARGET, Address("workflow", ("a b",)))
    assert earlier == Listing(f"{HERE}/a%20b/versions", "workflow_versions")


def test_an_earlier_version_tells_what_it_pinned() -> None:
    item = {"id": "w1", "nodes": ANSWER["nodes"]}
    assert KIND.read_history(item, TARGET) == (pin("sure", "v2"),)


def test_each_node_has_a_digest_of_its_own_which_its_models_name_is_no_part_of() -> None:
    fields = {
        "description": "d",
        "metadata": {"a": {"b": 1, "c": 2}},
        "nodes": {"x": node("m", "v"), "y": node("n")},
    }
    nameless = {name: value for name, value in node().items() if name != "model"}
    assert list(KIND.parts(fields)) == [
        (("description",), "d"),
        (("metadata", "a", "b"), 1),
        (("metadata", "a", "c"), 2),
        (("nodes", "x"), {**nameless, "model_version_id": "v"}),
        (("nodes", "y"), nameless),
    ]
    assert list(KIND.parts({"notes": "n"})) == [(("notes",), "n")]


# --- sent


def requests(conversation: Any, *answers: Any) -> Iterator[Any]:
    """What a conversation asks for while it gets these answers, then what it returns."""
    try:
        yield next(conversation)
        for answer in answers:
            yield conversation.send(answer)
    except StopIteration as end:
        yield end.value


def sent(write: Write) -> dict[str, Any]:
    """The body of a write, without the digests that its marks keep."""
    body: dict[str, Any] = thaw(write.call.body)
    for workflow in body["workflows"]:
        workflow["metadata"]["reconciler"].pop("digests")
    return body


WIRE_NODES = [
    {
        "id": "general",
        "model": {
            "id": "general-image-recognition",
            "user_id": "clarifai",
            "app_id": "main",
            "model_version": {"id": "v1"},
        },
    },
    {
        "id": "sample",
        "model": {
            "id": "m",
            "user_id": "alice",
            "app_id": "an-app",
            "model_version": {"id": "v2"},
        },
    },
    {
        "id": "sure",
        "model": {"id": "m", "user_id": "alice", "app_id": "an-app"},
        "node_inputs": [{"node_id": "general"}, {"node_id": "sample"}],
        "suppress_output": True,
        "output_info_override": {
            "data": {"concepts": [{"id": "a", "value": 1.0}, {"id": "b", "value": 0.95}]},
            "params": {"annotation_status": 24150, "concept_threshold_type": 1, "top": 2},
        },
    },
]
OURS = {"owner": "an-app", "origin": "created"}


def test_what_creates_a_workflow() -> None:
    desired = declared(*FULL, description="d", metadata={"team": "a"})
    write, learnt = requests(KIND.create(Job(TARGET, MARK, desired=desired)), {"id": "w"})
    assert (write.call.method, write.call.path, write.batch) == ("POST", HERE, "workflows")
    assert sent(write) == {
        "workflows": [
            {
                "id": "w",
                "description": "d",
                "nodes": WIRE_NODES,
                "metadata": {"team": "a", "reconciler": OURS},
            }
        ]
    }
    digests = write.call.body["workflows"][0]["metadata"]["reconciler"]["digests"]
    assert sorted(digests) == [
        "description",
        "metadata.team",
        "nodes.general",
        "nodes.sample",
        "nodes.sure",
    ]
    assert learnt == {}


def test_a_part_that_an_override_leaves_out_is_not_sent() -> None:
    for part in ({"params": {"top": 1}}, {"data": {"concepts": [{"id": "x", "value": 0.5}]}}):
        desired = declared({"id": "a", "model": "m", "output_info_override": part})
        (write,) = requests(KIND.create(Job(TARGET, MARK, desired=desired)))
        (node_,) = sent(write)["workflows"][0]["nodes"]
        assert node_["output_info_override"] == part


def kept() -> tuple[Resource, Resource]:
    """A workflow as it is wanted, and as it is live."""
    return declared({"id": "a", "model": "m@v9"}, notes="new", metadata={"team": "b"}), read(ANSWER)


def test_an_update_sends_the_whole_graph_and_loses_nothing_that_it_does_not_name() -> None:
    desired, live = kept()
    job = Job(TARGET, MARK, desired=desired, live=live)
    again = {**ANSWER, "image": {"url": "i"}}
    look, write, learnt = requests(KIND.update(job), {"w": again}, {"id": "w"})
    assert look == Listing(HERE, "workflows")
    assert (write.call.method, write.call.path, write.batch) == ("PATCH", HERE, "workflows")
    model_ = {
        "id": "m",
        "user_id": "alice",
        "app_id": "an-app",
        "model_version": {"id": "v9"},
    }
    assert sent(write) == {
        "workflows": [
            {
                "id": "w",
                "description": "d",
                "notes": "new",
                "use_cases": ["u"],
                "image": {"url": "i"},
                "nodes": [{"id": "a", "model": model_}],
                "metadata": {"team": "b", "size": 2.0, "reconciler": OURS},
            }
        ],
        "action": "overwrite",
    }
    assert learnt == {}


@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_write_is_found_again_by_what_it_left(verb: str) -> None:
    desired, live = kept()
    job = Job(TARGET, MARK, desired=desired, live=live)
    *_, write = requests(getattr(KIND, verb)(job), *([{"w": ANSWER}] if verb == "update" else []))
    body = write.call.body["workflows"][0]
    look, found = requests(write.find(), {"workflow": body})
    assert look == Call("GET", f"{HERE}/w")
    assert found == body
    for answer in (None, {}, {"workflow": ANSWER}, {"workflow": {**body, "metadata": {}}}):
        _, found = requests(write.find(), answer)
        assert found is None


def test_a_rename_gives_the_live_object_its_new_id() -> None:
    desired, live = kept()
    address = Address("workflow", ("new",))
    job = Job(
        TARGET,
        MARK,
        desired=replace(desired, address=address),
        live=replace(live, address=address),
    )
    look, write, learnt = requests(KIND.rename(job), {"w": ANSWER}, {"id": "new"})
    assert look == Listing(HERE, "workflows")
    body = {"ids": [{"id": "w", "new_id": "new"}], "action": "overwrite"}
    assert write.call == Call("PATCH", f"{HERE}/ids", body=body)
    assert (write.batch, learnt) == ("", {})
    there = {"workflow": {"id": "new"}}
    look, again, found = requests(write.find(), there, None)
    assert (look, again) == (Call("GET", f"{HERE}/new"), Call("GET", f"{HERE}/w"))
    assert found == {"id": "new"}
    _, found = requests(write.find(), None)
    assert found is None
    _, _, found = requests(write.find(), there, {"workflow": ANSWER})
    assert found is None


def test_a_delete_names_the_workflow_alone() -> None:
    job = Job(TARGET, MARK, live=read(ANSWER))
    look, write, learnt = requests(KIND.delete(job), {"w": ANSWER}, {})
    assert look == Listing(HERE, "workflows")
    assert write.call == Call("DELETE", HERE, body={"ids": ["w"]})
    assert (write.batch, learnt) == ("ids", {})
    look, found = requests(write.find(), None)
    assert (look, found) == (Call("GET", f"{HERE}/w"), {})
    _, found = requests(write.find(), {"workflow": ANSWER})
    assert found is None


def test_what_is_gone_already_is_not_deleted_again() -> None:
    job = Job(TARGET, MARK, live=read(ANSWER))
    look, learnt = requests(KIND.delete(job), {})
    assert (look, learnt) == (Listing(HERE, "workflows"), {})
