"""Models and their versions (fact sheet, sections 7 and 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.behaviour import Behaviour
from tests.sandbox.driving import Api, node, threshold_version


def ids(listed: list[Any]) -> list[str]:
    return [item["id"] for item in listed]


@pytest.mark.parametrize("key", ["model", "models"])
def test_a_model_is_created_under_either_key_without_a_version(api: Api, key: str) -> None:
    model: Any = {
        "id": "above",
        "model_type_id": "concept-thresholder",
        "output_info": threshold_version(1, people=0.5)["output_info"],
    }
    made = api("POST", "/models", {key: model if key == "model" else [model]})["model"]
    assert (made["id"], made["name"], made["model_type_id"]) == (
        "above",
        "above",
        "concept-thresholder",
    )
    assert "model_version" not in made
    assert "model_version" not in api("GET", "/models/above")["model"]
    assert api("GET", "/concepts")["concepts"] == []


def test_a_version_of_an_operator_is_trained_at_once_and_enriched(api: Api) -> None:
    api("POST", "/concepts", {"concepts": [{"id": "b", "name": "Bee"}, {"id": "a"}]})
    version = threshold_version("LESS_THAN", b=0.95, a=0.0)
    api("POST", "/models", {"model": {"id": "below", "model_type_id": "concept-threshold"}})
    made = api("POST", "/models/below/versions", {"model_versions": [version]})["model"]
    found = made["model_version"]
    assert found["status"]["code"] == 21100
    info = found["output_info"]
    assert [(c["id"], c["name"], c["value"], c["app_id"]) for c in info["data"]["concepts"]] == [
        ("a", "a", 0, "park"),
        ("b", "Bee", 0.95, "park"),
    ]
    assert info["params"] == {"concept_threshold_type": "LESS_THAN"}
    read = api("GET", f"/models/below/versions/{found['id']}")["model_version"]
    assert read["output_info"] == info


def test_lists_hide_the_configuration_and_output_info_shows_it(api: Api) -> None:
    version = api.thresholder("above", 1, people=0.5)
    message = {"message": "Show output_info with: GET /models/{model_id}/output_info"}
    listed = api("GET", "/models")["models"][0]
    one = api("GET", "/models/above")["model"]
    versions = api("GET", "/models/above/versions")["model_versions"]
    for shown in (listed["model_version"], one["model_version"], versions[0]):
        assert shown["id"] == version
        assert shown["output_info"] == message
    for path in ("/models/above/output_info", f"/models/above/versions/{version}/output_info"):
        full = api("GET", path)["model"]
        assert full["output_info"]["params"] == {"concept_threshold_type": 1}
        assert full["model_version"]["output_info"] == full["output_info"]


def test_versions_are_listed_newest_first_and_move_the_model(api: Api) -> None:
    first = api.thresholder("above", 1, people=0.5)
    api.thresholder("other", 1, people=0.5)
    before = api("GET", "/models/above")["model"]["modified_at"]
    assert ids(api("GET", "/models")["models"]) == ["other", "above"]
    second = api.version("above", threshold_version(1, people=0.6))
    assert ids(api("GET", "/models")["models"]) == ["above", "other"]
    assert api("GET", "/models/above")["model"]["modified_at"] > before
    assert ids(api("GET", "/models/above/versions")["model_versions"]) == [second, first]
    assert api("GET", "/models/above")["model"]["model_version"]["id"] == second
    old = api("GET", "/models/above", version_id=first)["model"]["model_version"]
    assert old["id"] == first


@pytest.mark.parametrize(
    ("type_id", "info", "problem"),
    [
        (
            "concept-threshold",
            {"data": {"concepts": [{"id": "a"}]}},
            "model type 'concept-threshold' needs output_info.params.concept_threshold_type",
        ),
        (
            "concept-threshold",
            {"params": {"concept_threshold_type": 1}},
            "model type 'concept-threshold' needs output_info.data.concepts",
        ),
        (
            "concept-threshold",
            {"data": {"concepts": [{"id": "a"}]}, "params": {"concept_threshold_type": 0}},
            "output_info.params.concept_threshold_type is 0; it must be one of",
        ),
        (
            "concept-threshold",
            {"data": {"concepts": [{"id": "a"}]}, "params": {"concept_threshold_type": "GREATER"}},
            "output_info.params.concept_threshold_type is 'GREATER'; it must be one of",
        ),
        (
            "concept-threshold",
            {
                "data": {"concepts": [{"id": "a"}, {"id": "a"}]},
                "params": {"concept_threshold_type": 1},
            },
            "concept 'a' is named twice in output_info.data.concepts",
        ),
        (
            "concept-threshold",
            {
                "data": {"concepts": [{"id": "ai_l8TKp2h5", "app_id": "main"}]},
                "params": {"concept_threshold_type": 1},
            },
            "concept 'ai_l8TKp2h5' belongs to clarifai/main",
        ),
        (
            "annotation-writer",
            {"params": {"annotation_status": 24150}},
            "model type 'annotation-writer' needs output_info.params.annotation_user_id",
        ),
        (
            "annotation-writer",
            {"params": {"annotation_status": 1, "annotation_user_id": "me"}},
            "output_info.params.annotation_status is 1; it must be one of",
        ),
        (
            "embedding-classifier",
            {"params": {"max_concepts": 201}},
            "max_concepts is 201; it must be in the interval (0, 200]",
        ),
        (
            "embedding-classifier",
            {"params": {"min_value": 1.5}},
            "min_value is 1.5; it must be in the interval [0, 1]",
        ),
        (
            "embedding-classifier",
            {"params": {"max_concepts": "many"}},
            "output_info.params.max_concepts is 'many'; it must be a number",
        ),
    ],
)
def test_configurations_that_are_refused(api: Api, type_id: str, info: Any, problem: str) -> None:
    api("POST", "/models", {"model": {"id": "m", "model_type_id": type_id}})
    http, code, details = api.refused(
        "POST", "/models/m/versions", {"model_versions": [{"output_info": info}]}
    )
    assert (http, code) == (400, 21202)
    assert details.startswith(problem)
    assert api("GET", "/models/m/versions")["model_versions"] == []
    assert api("GET", "/concepts")["concepts"] == []


@pytest.mark.parametrize("comparator", [1, 1.0, "1", "GREATER_THAN"])
def test_an_enum_is_echoed_as_it_was_sent(api: Api, comparator: Any) -> None:
    api.thresholder("m", comparator, a=0.5)
    info = api("GET", "/models/m/output_info")["model"]["output_info"]
    assert info["params"]["concept_threshold_type"] == comparator


def test_me_in_a_writer_is_the_real_user_and_defaults_are_kept(api: Api) -> None:
    api.writer("w", 24151)
    info = api("GET", "/models/w/output_info")["model"]["output_info"]
    assert info["params"] == {"annotation_status": 24151, "annotation_user_id": api.sandbox.user_id}
    api.model("mapper", "concept-synonym-mapper", {})
    info = api("GET", "/models/mapper/output_info")["model"]["output_info"]
    assert info["params"] == {"knowledge_graph_id": ""}


def test_a_version_makes_the_concepts_that_it_names(api: Api) -> None:
    api.thresholder("m", 1, ghost=0.5)
    assert ids(api("GET", "/concepts")["concepts"]) == ["ghost"]


@pytest.mark.parametrize(
    ("model", "code", "details"),
    [
        (
            {"id": "taken", "model_type_id": "annotation-writer"},
            40010,
            "duplicate model: 'taken' already exists",
        ),
        ({"id": "m", "model_type_id": "magic"}, 21202, "model_type_id 'magic' is not a model type"),
        (
            {"id": "a b"},
            11102,
            "model id 'a b' is not an id: 1 to 48 letters and digits, with single '-' or '_' between them",
        ),
    ],
)
def test_models_that_are_refused(api: Api, model: Any, code: int, details: str) -> None:
    api("POST", "/models", {"model": {"id": "taken", "model_type_id": "annotation-writer"}})
    assert api.refused("POST", "/models", {"model": model}) == (400, code, details)


def test_a_type_that_is_left_out_is_the_embedding_classifier_and_never_changes(api: Api) -> None:
    made = api("POST", "/models", {"model": {"id": "m"}})["model"]
    assert made["model_type_id"] == "embedding-classifier"
    body = {"models": [{"id": "m", "model_type_id": "clusterer"}], "action": "overwrite"}
    assert api.refused("PATCH", "/models", body)[:2] == (400, 21202)


def test_a_patch_changes_the_model_but_makes_no_version(api: Api) -> None:
    version = api.thresholder("m", 1, a=0.5)
    info = threshold_version(1, a=0.9)["output_info"]
    body = {"models": [{"id": "m", "notes": "n", "metadata": {"k": 1}, "output_info": info}]}
    api("PATCH", "/models", {**body, "action": "merge"})
    model = api("GET", "/models/m")["model"]
    assert (model["notes"], model["metadata"]) == ("n", {"k": 1})
    assert ids(api("GET", "/models/m/versions")["model_versions"]) == [version]
    more = {"models": [{"id": "m", "metadata": {"l": {"x": 1}}}], "action": "merge"}
    assert api("PATCH", "/models", more)["models"][0]["metadata"] == {"k": 1, "l": {"x": 1}}
    fresh = {"models": [{"id": "m", "metadata": {"z": 1}}], "action": "overwrite"}
    changed = api("PATCH", "/models", fresh)["models"][0]
    assert (changed["metadata"], changed["notes"]) == ({"z": 1}, "n")


def test_a_version_can_be_patched_behind_everybodys_back(api: Api) -> None:
    version = api.thresholder("m", 1, a=0.5, b=0.5)
    before = api("GET", f"/models/m/versions/{version}")["model_version"]
    assert before["modified_at"] == before["created_at"]
    body: Any = {"model_versions": [{"id": version, **threshold_version(3, a=0.7, b=0.5)}]}
    api("PATCH", "/models/m/versions", {**body, "action": "overwrite"})
    after = api("GET", f"/models/m/versions/{version}")["model_version"]
    assert after["modified_at"] > before["modified_at"]
    assert [c["value"] for c in after["output_info"]["data"]["concepts"]] == [0.7, 0.5]
    assert after["output_info"]["params"] == {"concept_threshold_type": 3}
    bad = {
        "model_versions": [
            {"id": version, "output_info": {"params": {"concept_threshold_type": 9}}}
        ]
    }
    assert api.refused("PATCH", "/models/m/versions", {**bad, "action": "merge"})[:2] == (
        400,
        21202,
    )


def test_renaming_a_model_takes_its_versions_and_nodes_along(api: Api) -> None:
    version = api.writer("old", 24150)
    graph = {"id": "w", "nodes": [node("n", "old", version)]}
    api("POST", "/workflows", {"workflows": [graph]})
    body = {"ids": [{"id": "old", "new_id": "new"}], "action": "overwrite"}
    renamed = api("PATCH", "/models/ids", body)["models"][0]
    assert (renamed["id"], renamed["name"], renamed["model_version"]["id"]) == (
        "new",
        "new",
        version,
    )
    assert api.refused("GET", "/models/old")[:2] == (404, 11101)
    assert api("GET", "/workflows/w")["workflow"]["nodes"][0]["model"]["id"] == "new"
    two = {"ids": [{"id": "new", "new_id": "x"}, {"id": "y", "new_id": "z"}], "action": "overwrite"}
    assert api.refused("PATCH", "/models/ids", two)[:2] == (400, 11102)
    api.writer("taken", 24150)
    taken = {"ids": [{"id": "new", "new_id": "taken"}], "action": "overwrite"}
    assert api.refused("PATCH", "/models/ids", taken)[:2] == (400, 40010)


def test_a_deleted_version_deprecates_the_workflow_versions_that_pin_it(api: Api) -> None:
    version = api.writer("m", 24150)
    api("POST", "/workflows", {"workflows": [{"id": "w", "nodes": [node("n", "m", version)]}]})
    api("DELETE", f"/models/m/versions/{version}")
    assert api.refused("GET", f"/models/m/versions/{version}")[:2] == (404, 11101)
    assert api("GET", "/workflows/w/versions")["workflow_versions"][0]["is_deprecated"] is True


def test_models_are_deleted_by_id_or_all_but_never_by_accident(api: Api) -> None:
    for id_ in ("a", "b", "c"):
        api.writer(id_, 24150)
    assert api.refused("DELETE", "/models", {})[:2] == (400, 11102)
    assert api.refused("DELETE", "/models", {"ids": ["a", "nobody"]})[:2] == (404, 11101)
    assert len(api("GET", "/models")["models"]) == 3
    api("DELETE", "/models", {"ids": ["a"]})
    assert ids(api("GET", "/models")["models"]) == ["c", "b"]
    api("DELETE", "/models", {"delete_all": "True"})
    assert api("GET", "/models")["models"] == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"model_type_id": "concept-thresholder"}, ["t"]),
        ({"trained_only": "True"}, ["t", "w"]),
        ({"query": "C"}, ["c"]),
        ({"output_fields": "concepts"}, ["t", "c"]),
        ({"sort_by_created_at": "true", "sort_ascending": "true"}, ["w", "c", "t"]),
    ],
)
def test_lists_can_be_filtered_and_sorted(api: Api, query: Any, found: list[str]) -> None:
    api.writer("w", 24150)
    api("POST", "/models", {"model": {"id": "c"}})
    api.thresholder("t", 1, a=0.5)
    assert ids(api("GET", "/models", **query)["models"]) == found


@pytest.mark.parametrize("id_", ["general-image-recognition", "aaa03c23b3724a16a56b629203edc62c"])
def test_a_public_model_answers_to_its_hash_and_shows_its_name(api: Api, id_: str) -> None:
    model = api("GET", f"/v2/users/clarifai/apps/main/models/{id_}")["model"]
    assert model["id"] == "general-image-recognition"
    assert model["model_version"]["id"] == "aa7f35c01e0642fda5cf400f543e7c40"
    versions = api("GET", f"/v2/users/clarifai/apps/main/models/{id_}/versions")["model_versions"]
    assert ids(versions) == ["aa7f35c01e0642fda5cf400f543e7c40", "aa9ca48295b37401f8af92ad1af0d91d"]


@pytest.mark.parametrize("id_", ["general-image-recognition", "aaa03c23b3724a16a56b629203edc62c"])
@pytest.mark.parametrize("finds", [True, False])
def test_a_public_model_may_be_read_without_naming_its_owner(
    start: Callable[..., Api], id_: str, finds: bool
) -> None:
    api = start(behaviour=Behaviour(get_model_finds_public=finds))
    if not finds:
        assert api.refused("GET", f"/models/{id_}")[:2] == (404, 11101)
        return
    for path in ("", "/output_info"):
        model = api("GET", f"/models/{id_}{path}")["model"]
        assert (model["id"], model["app_id"]) == ("general-image-recognition", "main")
    body: Any = {"models": [{"id": id_, "notes": "mine"}], "action": "merge"}
    assert api.refused("PATCH", "/models", body)[:2] == (404, 11101)
    assert api.refused("POST", f"/models/{id_}/versions", {})[:2] == (404, 11101)
    assert api.refused("DELETE", f"/models/{id_}")[:2] == (404, 11101)
    api.writer("general-image-recognition", 24150)
    own = api("GET", "/models/general-image-recognition")["model"]
    assert own["app_id"] == "park"


def test_a_public_model_is_not_for_app_keys(start: Callable[..., Api]) -> None:
    api = start(pat="pat", app_keys={"key": "park"})
    answer = api.raw(
        "GET", "/v2/models/general-image-recognition", headers={"Authorization": "Key key"}
    )
    assert answer.status_code == 404


def test_a_public_model_looks_absent_to_a_writer(api: Api) -> None:
    path = "/v2/users/clarifai/apps/main/models"
    body = {"models": [{"id": "general-image-recognition", "notes": "mine"}], "action": "merge"}
    assert api.refused("PATCH", path, body)[:2] == (404, 11101)
    assert api.refused("DELETE", f"{path}/general-image-recognition")[:2] == (404, 11101)


@pytest.mark.parametrize(
    ("behaviour", "field", "kept"),
    [
        (Behaviour(), "metadata", True),
        (Behaviour(post_keeps_version_metadata=False), "metadata", False),
        (Behaviour(lists_show_version_metadata=False), "metadata", False),
        (Behaviour(lists_show_version_times=False), "modified_at", False),
    ],
)
def test_what_lists_show_of_versions_is_a_switch(
    start: Callable[..., Api], behaviour: Behaviour, field: str, kept: bool
) -> None:
    api = start(behaviour=behaviour)
    api.model("m", "concept-synonym-mapper", {"metadata": {"digest": "x"}})
    listed = api("GET", "/models")["models"][0]["model_version"]
    versions = api("GET", "/models/m/versions")["model_versions"][0]
    assert [field in shown for shown in (listed, versions)] == [kept, kept]


def test_lists_may_show_the_configuration(start: Callable[..., Api]) -> None:
    api = start(
        behaviour=Behaviour(lists_show_output_info=True, version_lists_show_output_info=True)
    )
    api.thresholder("m", 1, a=0.5)
    for shown in (
        api("GET", "/models")["models"][0]["model_version"],
        api("GET", "/models/m/versions")["model_versions"][0],
    ):
        assert shown["output_info"]["params"] == {"concept_threshold_type": 1}


def test_model_types_answer_to_both_spellings(api: Api) -> None:
    for id_ in ("concept-threshold", "concept-thresholder"):
        found = api("GET", f"/models/types/{id_}")["model_type"]
        assert (found["id"], found["output_fields"]) == (id_, ["concepts"])
    listed = api("GET", "/models/types", per_page=1000)["model_types"]
    assert {"annotation-writer", "embedding-classifier"} <= set(ids(listed))
    options = api("GET", "/models/types/concept-threshold")["model_type"]["model_type_fields"][1]
    assert options["model_type_enum_options"][1] == {
        "id": "GREATER_THAN_OR_EQUAL",
        "aliases": [{"id_int": "2"}],
    }
    assert api.refused("GET", "/models/types/magic")[:2] == (404, 11101)


@pytest.mark.parametrize(
    ("id_", "template", "count"),
    [
        ("visual-classifier", "classification_cifar10_v1", 11),
        ("text-classifier", "HF_GPTNeo_125m_lora", 1),
        ("embedding-classifier", "", 0),
    ],
)
def test_types_that_are_trained_from_templates_name_them(
    api: Api, id_: str, template: str, count: int
) -> None:
    fields = api("GET", f"/models/types/{id_}")["model_type"]["model_type_fields"]
    options = [
        option
        for field in fields
        if field["path"] == "train_info.params.template"
        for option in field["model_type_enum_options"]
    ]
    assert len(options) == count
    assert not template or template in ids(options)
    assert all(option["model_type_fields"] for option in options)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["c", "b", "a"]),
        ({"sort_ascending": True}, ["a", "b", "c"]),
        ({"sort_by_created_at": True, "sort_ascending": True}, ["a", "b", "c"]),
        ({"concept_ids": "x"}, ["b", "a"]),
        ({"concept_ids": ["x", "y"]}, ["b"]),
        ({"concept_ids": "x", "per_page": 1, "page": 2}, ["a"]),
        ({"sort_by_description": True}, ["a", "c", "b"]),
        ({"sort_by_description": True, "sort_ascending": True}, ["b", "c", "a"]),
        ({"sort_by_num_inputs": True}, ["c", "b", "a"]),
        ({"trained_only": True, "sort_by_status_code": True}, ["c", "b", "a"]),
        ({"min_replicas": 1}, []),
    ],
)
def test_versions_can_be_filtered_and_sorted(api: Api, query: Any, found: list[str]) -> None:
    api("POST", "/models", {"model": {"id": "m", "model_type_id": "concept-threshold"}})
    names = {}
    for name, text, thresholds in (
        ("a", "third", {"x": 0.5}),
        ("b", "First", {"x": 0.5, "y": 0.5}),
        ("c", "second", {"y": 0.5}),
    ):
        version = {**threshold_version(1, **thresholds), "description": text}
        names[api.version("m", version)] = name
    listed = api("GET", "/models/m/versions", **query)["model_versions"]
    assert [names[item["id"]] for item in listed] == found


@pytest.mark.parametrize(
    ("path", "key", "field"),
    [
        ("toolkits", "toolkits", "toolkits"),
        ("usecases", "usecases", "use_cases"),
        ("languages", "languages", "languages"),
        ("check_consents", "check_consents", "check_consents"),
    ],
)
def test_the_words_of_a_model_are_replaced_one_list_at_a_time(
    api: Api, path: str, key: str, field: str
) -> None:
    api("POST", "/models", {"model": {"id": "m", field: ["old"]}})
    body: Any = {key: ["new", "more", "new"], "action": "overwrite"}
    assert api("PATCH", f"/models/m/{path}", body)[key] == ["new", "more"]
    assert api("GET", "/models/m")["model"][field] == ["new", "more"]
    assert api.refused("PATCH", f"/models/m/{path}", {**body, "action": "merge"})[:2] == (
        400,
        11102,
    )
    assert api.refused("PATCH", f"/models/n/{path}", body)[:2] == (404, 11101)
    public = f"/v2/users/clarifai/apps/main/models/general-image-recognition/{path}"
    assert api.refused("PATCH", public, body)[:2] == (404, 11101)
