"""Evaluation of classifiers: the arithmetic of held-out parts, and what the API shows of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox import study
from reconciler.sandbox.evaluation import deal, evaluate
from reconciler.sandbox.training import Example
from tests.sandbox.driving import Api, png

BASE = {"id": "general-image-embedding", "user_id": "clarifai", "app_id": "main"}
ALL_FIELDS = {
    f"fields.{name}": "true"
    for name in (
        "confusion_matrix",
        "cooccurrence_matrix",
        "label_counts",
        "binary_metrics",
        "test_set",
        "metrics_by_area",
        "metrics_by_class",
    )
}


def example(x: float, y: float, *positives: str, negatives: tuple[str, ...] = ()) -> Example:
    return Example((x, y), frozenset(positives), frozenset(negatives))


# --- the arithmetic -------------------------------------------------------------------------


@given(
    labels=st.lists(st.frozensets(st.sampled_from("abc")), min_size=4, max_size=40),
    parts=st.integers(2, 5),
)
def test_every_example_is_dealt_once_and_a_rare_concept_to_different_parts(
    labels: list[frozenset[str]], parts: int
) -> None:
    examples = [
        (at, Example((float(at),), shown, frozenset("abc"))) for at, shown in enumerate(labels)
    ]
    dealt = deal(examples, "abc", parts)
    assert sorted(at for part in dealt for at in part) == list(range(len(labels)))
    rarest = min("abc", key=lambda id_: (sum(id_ in shown for shown in labels), id_))
    shares = [sum(rarest in labels[at] for at in part) for part in dealt]
    assert max(shares) - min(shares) <= 1


def clusters(count: int = 10) -> list[Example]:
    return [example(at / count, 0.0, "left") for at in range(count)] + [
        example(9 + at / count, 0.0, "right") for at in range(count)
    ]


@pytest.mark.parametrize("exclusive", [True, False], ids=["exclusive", "each by itself"])
def test_what_can_be_told_apart_is_perfect(exclusive: bool) -> None:
    found = evaluate(clusters(), ["left", "right"], mutually_exclusive=exclusive)
    assert found.parts == 5
    assert len(found.test) == 4
    assert [(one.concept_id, one.positives, one.negatives) for one in found.concepts] == [
        ("left", 2, 2),
        ("right", 2, 2),
    ]
    for one in found.concepts:
        assert (one.roc_auc, one.average_precision) == (1.0, 1.0)
        assert (one.precision, one.recall, one.f1) == (1.0, 1.0, 1.0)
        assert (one.roc.x[0], one.roc.y[0], one.roc.x[-1], one.roc.y[-1]) == (0, 0, 1, 1)
        assert one.roc.thresholds[0] == 1.0
        assert (one.precision_recall.x[-1], one.precision_recall.y[-1]) == (0.0, 1.0)
        for curve in (one.roc, one.precision_recall):
            assert len(curve.x) == len(curve.y) == len(curve.thresholds)
    assert found.confusion["left", "left"] > 0.9
    assert found.confusion["left", "right"] < 0.1
    assert dict(found.cooccurrence) == {
        ("left", "left"): 2,
        ("left", "right"): 0,
        ("right", "left"): 0,
        ("right", "right"): 2,
    }
    assert (found.top1_accuracy, found.top5_accuracy) == (1.0, 1.0)
    assert dict(found.left_out) == {}


def test_labels_that_contradict_the_pictures_are_found_out() -> None:
    wrong = [
        example(float(at % 2), 0.0, "even" if (at // 2) % 2 else "odd") for at in range(40)
    ]  # each picture carries either label equally often
    found = evaluate(wrong, ["even", "odd"], mutually_exclusive=True)
    assert all(one.roc_auc <= 0.6 for one in found.concepts)


def test_an_example_is_never_asked_about_by_a_classifier_that_saw_it() -> None:
    # Each concept has one odd picture of its own: seen, it would be known by heart.
    lone = [
        *clusters(),
        example(0.5, 50.0, "right"),
        example(9.5, -50.0, "left"),
    ]
    found = evaluate(lone, ["left", "right"], mutually_exclusive=True)
    assert all(one.roc_auc < 1 for one in found.concepts)


def test_several_labels_occur_together() -> None:
    both = [
        example(float(at % 2), float(at % 4 < 2), *("x",) * (at % 2), *("y",) * (at % 4 < 2))
        for at in range(40)
    ]
    found = evaluate(both, ["x", "y"], mutually_exclusive=False)
    tested = [both[at] for at, _ in found.test]
    assert found.cooccurrence["x", "y"] == sum(one.positives == {"x", "y"} for one in tested) > 0
    assert found.labels == {"x": 20, "y": 20}


@settings(deadline=None, max_examples=4)
@given(order=st.permutations(range(10)))
def test_the_order_of_the_examples_does_not_matter(order: list[int]) -> None:
    known = clusters(5)
    straight = evaluate(known, ["left", "right"], mutually_exclusive=False)
    mixed = evaluate([known[at] for at in order], ["right", "left"], mutually_exclusive=False)
    assert mixed.concepts == straight.concepts
    assert {known[order[at]] for at, _ in mixed.test} == {known[at] for at, _ in straight.test}


@pytest.mark.parametrize(
    ("examples", "concepts", "exclusive", "left_out"),
    [
        (
            [example(0, 0, "a"), example(1, 1, negatives=("a",))],
            ["a"],
            False,
            {"a": "1 positive and 1 negative labelled inputs"},
        ),
        (
            [example(0, 0, "a"), example(1, 0, "a"), example(2, 2, "b")],
            ["a", "b"],
            True,
            {
                "a": "2 positive and 1 negative labelled inputs",
                "b": "1 positive and 2 negative labelled inputs",
            },
        ),
    ],
    ids=["one of each", "exclusive"],
)
def test_concepts_with_too_little_to_hold_out_have_no_metrics(
    examples: list[Example], concepts: list[str], exclusive: bool, left_out: Mapping[str, str]
) -> None:
    found = evaluate(examples, concepts, mutually_exclusive=exclusive)
    assert (found.concepts, found.test, found.parts) == ((), (), 0)
    assert dict(found.left_out) == left_out


def test_a_rare_concept_does_not_spoil_the_others() -> None:
    found = evaluate(
        [*clusters(), example(5, 5, "rare")], ["left", "right", "rare"], mutually_exclusive=False
    )
    assert [one.concept_id for one in found.concepts] == ["left", "right"]
    assert dict(found.left_out) == {"rare": "1 positive and 20 negative labelled inputs"}
    assert found.labels["rare"] == 1


# --- over the API ---------------------------------------------------------------------------


def image(shade: int) -> Any:
    return {"image": {"base64": base64.b64encode(png(shade)).decode()}}


def trained(api: Api, model: str = "clf", **shades: range) -> str:
    inputs = [
        {"id": f"{concept}-{shade}", "data": {**image(shade), "concepts": [{"id": concept}]}}
        for concept, found in shades.items()
        for shade in found
    ]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()
    version = api.model(
        model,
        "embedding-classifier",
        {
            "output_info": {"data": {"concepts": [{"id": concept} for concept in shades]}},
            "input_info": {"base_embed_model": BASE},
        },
    )
    api.sandbox.wait_idle()
    return version


def metrics(api: Api, version: str, **query: Any) -> Any:
    path = f"/models/clf/versions/{version}/metrics"
    return api("GET", path, None, **query)["model_version"]["metrics"]


def test_a_version_is_evaluated_in_the_background_and_read_part_by_part(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = trained(api, dark=range(12), bright=range(240, 252))
    assert metrics(api, version)["status"]["code"] == 21302
    seen: list[int] = []
    real = study.work

    def watched(*arguments: Any) -> Any:
        seen.append(metrics(api, version)["status"]["code"])
        return real(*arguments)

    monkeypatch.setattr(study, "work", watched)
    api.sandbox.hold()
    path = f"/models/clf/versions/{version}/metrics"
    started = api("POST", path, {})["model_version"]
    assert (started["id"], started["metrics"]["status"]["code"]) == (version, 21303)
    assert metrics(api, version)["status"]["code"] == 21303
    api.sandbox.release()
    api.sandbox.wait_idle()
    assert seen == [21301]
    bare = metrics(api, version)
    assert bare["status"]["code"] == 21300
    tested = len(metrics(api, version, **ALL_FIELDS)["test_set"])
    assert bare["status"]["details"] == (
        f"{tested} of 24 labelled inputs were held out, areas under the curve are over 5 such parts"
    )
    assert bare["model"]["id"] == "clf"
    assert bare["summary"]["macro_avg_roc_auc"] == 1
    assert bare["summary"]["macro_avg_f1_score"] == 1
    assert not {"confusion_matrix", "test_set", "binary_metrics"} & {
        name for name, value in bare.items() if value
    }
    full = metrics(api, version, **ALL_FIELDS)
    assert sorted(full["confusion_matrix"]["concept_ids"]) == ["bright", "dark"]
    assert len(full["confusion_matrix"]["matrix"]) == 4
    assert len(full["cooccurrence_matrix"]["matrix"]) == 4
    counts = full["label_counts"]["positive_label_counts"]
    assert {item["concept_name"]: item["count"] for item in counts} == {"bright": 12, "dark": 12}
    for one in full["binary_metrics"]:
        assert one["num_pos"] + one["num_neg"] == one["num_tot"] == len(full["test_set"])
        assert one["roc_auc"] == 1
        curve = one["precision_recall_curve"]
        assert len(curve["recall"]) == len(curve["precision"]) == len(curve["thresholds"]) > 1
        assert len(one["roc_curve"]["fpr"]) == len(one["roc_curve"]["tpr"]) > 1
    for entry in full["test_set"]:
        (truth,) = entry["ground_truth_concepts"]
        assert entry["input"]["id"].startswith(truth["id"])
        assert entry["predicted_concepts"][0]["id"] == truth["id"]
        assert {item["id"] for item in entry["predicted_concepts"]} == {"bright", "dark"}


def test_each_part_of_an_evaluation_comes_only_when_asked_for(api: Api) -> None:
    version = trained(api, dark=range(6), bright=range(240, 246))
    api("POST", f"/models/clf/versions/{version}/metrics", {})
    api.sandbox.wait_idle()
    for name in ("confusion_matrix", "cooccurrence_matrix", "label_counts", "binary_metrics"):
        found = metrics(api, version, **{f"fields.{name}": "True"})
        present = {part for part in found if found[part]} - {"status", "summary", "model"}
        assert {name} == present - {"id", "user_id", "app_id"}


def test_evaluations_have_ids_lists_and_one_place_each(api: Api) -> None:
    version = trained(api, dark=range(6), bright=range(240, 246))
    own = f"/models/clf/versions/{version}/evaluations"
    first = api("POST", own, {"eval_metrics": [{"id": "first"}]})["eval_metrics"][0]
    assert (first["id"], first["status"]["code"]) == ("first", 21303)
    reference = {"id": "clf", "model_version": {"id": version}}
    info = {"params": {"note": "a second look"}}
    body = {"eval_metrics": [{"model": reference, "eval_info": info}]}
    second = api("POST", "/evaluations", body)["eval_metrics"][0]["id"]
    api.sandbox.wait_idle()
    assert [item["id"] for item in api("GET", own)["eval_metrics"]] == [second, "first"]
    assert [item["id"] for item in api("GET", "/evaluations")["eval_metrics"]] == [second, "first"]
    everywhere = api("GET", f"/v2/users/{api.sandbox.user_id}/evaluations", sort_ascending="true")
    assert [item["id"] for item in everywhere["eval_metrics"]] == ["first", second]
    for path in (f"{own}/{second}", f"/evaluations/{second}"):
        found = api("GET", path, None, **{"fields.label_counts": "true"})["eval_metrics"]
        assert found["status"]["code"] == 21300
        assert found["eval_info"] == info
        assert found["model"]["model_version"]["id"] == version
        assert found["label_counts"]["positive_label_counts"]
    again = api("POST", "/evaluations", {"eval_metrics": [{"id": "first", "model": reference}]})
    assert again["eval_metrics"][0]["status"]["code"] == 21303
    api.sandbox.wait_idle()
    assert len(api("GET", own)["eval_metrics"]) == 2
    api("DELETE", f"/models/clf/versions/{version}")
    assert api("GET", "/evaluations").get("eval_metrics", []) == []
    assert api.refused("GET", f"/evaluations/{second}")[:2] == (404, 11101)


def test_training_and_evaluation_keep_to_their_dataset(api: Api) -> None:
    trained(api, dark=range(6), bright=range(240, 246))
    api("POST", "/datasets", {"datasets": [{"id": "few"}]})
    chosen = [
        f"{name}-{shade}"
        for name, at in (("dark", 0), ("bright", 240))
        for shade in range(at, at + 3)
    ]
    members = [{"input": {"id": id_}} for id_ in chosen]
    api("POST", "/datasets/few/inputs", {"dataset_inputs": members[:4]})
    made = api("POST", "/datasets/few/versions", {"dataset_versions": [{"id": "v1"}]})
    assert made["dataset_versions"][0]["id"] == "v1"
    api("POST", "/datasets/few/inputs", {"dataset_inputs": members[4:]})
    base: Any = {
        "output_info": {"data": {"concepts": [{"id": "dark"}, {"id": "bright"}]}},
        "input_info": {"base_embed_model": BASE},
    }
    counts = []
    for params in ({"dataset_id": "few"}, {"dataset_id": "few", "dataset_version_id": "v1"}):
        version = api.version("clf", {**base, "train_info": {"params": params}})
        api.sandbox.wait_idle()
        found = api("GET", f"/models/clf/versions/{version}")["model_version"]
        counts.append((found["status"]["code"], found["total_input_count"]))
    assert counts == [(21100, 6), (21100, 4)]
    lost = api.version("clf", {**base, "train_info": {"params": {"dataset_id": "lost"}}})
    api.sandbox.wait_idle()
    found = api("GET", f"/models/clf/versions/{lost}")["model_version"]["status"]
    assert (found["code"], found["details"]) == (21118, "dataset 'lost' is not there")
    dataset = {"id": "few", "version": {"id": "v1"}}
    own = f"/models/clf/versions/{version}/evaluations"
    (asked,) = api("POST", own, {"eval_metrics": [{"ground_truth_dataset": dataset}]})[
        "eval_metrics"
    ]
    api.sandbox.wait_idle()
    query = {"fields.label_counts": "true"}
    graded = api("GET", f"/evaluations/{asked['id']}", None, **query)["eval_metrics"]
    assert graded["status"]["code"] == 21300
    assert graded["ground_truth_dataset"]["version"]["id"] == "v1"
    positives = graded["label_counts"]["positive_label_counts"]
    assert sum(item["count"] for item in positives) == 4
    listed = api("GET", "/evaluations", eval_dataset_ids="few")["eval_metrics"]
    assert [item["id"] for item in listed] == [asked["id"]]


def test_a_concept_with_one_example_is_evaluated_without_metrics_for_it(api: Api) -> None:
    inputs = [
        {"id": "dog", "data": {**image(3), "concepts": [{"id": "dog"}]}},
        {"id": "truck", "data": {**image(240), "concepts": [{"id": "truck"}]}},
    ]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()
    version = api.model(
        "clf",
        "embedding-classifier",
        {"output_info": {"data": {"concepts": [{"id": "dog"}]}}},
    )
    api.sandbox.wait_idle()
    assert api("GET", f"/models/clf/versions/{version}")["model_version"]["status"]["code"] == 21100
    api("POST", f"/models/clf/versions/{version}/metrics", {})
    api.sandbox.wait_idle()
    found = metrics(api, version, **ALL_FIELDS)
    assert found["status"]["code"] == 21300
    assert found["status"]["details"] == (
        "no metrics for concept 'dog': 1 positive and 1 negative labelled inputs, "
        "2 of each are needed"
    )
    assert found.get("binary_metrics", []) == []


def test_what_cannot_be_evaluated_is_refused_with_its_reason(api: Api) -> None:
    version = trained(api, dark=range(3), bright=range(240, 243))
    api.concepts("people")
    threshold = api.thresholder("t", 1, people=0.5)
    own = f"/models/clf/versions/{version}"
    nobody = "0" * 32
    http, code, details = api.refused("POST", f"/models/t/versions/{threshold}/metrics", {})
    assert (http, code) == (501, 10040)
    assert details.endswith("the sandbox evaluates models of type 'embedding-classifier'")
    assert api.refused("POST", f"/models/clf/versions/{nobody}/metrics", {})[:2] == (404, 11101)
    assert api.refused("GET", f"{own}/evaluations/nobody")[:2] == (404, 11101)
    dataset: Any = {"eval_metrics": [{"ground_truth_dataset": {"id": "d"}}]}
    assert api.refused("POST", f"{own}/evaluations", dataset)[:2] == (404, 11101)
    search: Any = {"test_search": {"query": {"filters": [{}]}}}
    assert api.refused("POST", f"{own}/metrics", search)[:2] == (501, 10040)
    untrained = api.version("clf", {"output_info": {"data": {"concepts": [{"id": "nothing"}]}}})
    api.sandbox.wait_idle()
    assert api.refused("POST", f"/models/clf/versions/{untrained}/metrics", {})[:2] == (400, 21102)


def test_without_labels_left_there_is_nothing_to_evaluate_with(api: Api) -> None:
    version = trained(api, dark=range(3), bright=range(240, 243))
    ids = [item["id"] for item in api("GET", "/inputs")["inputs"]]
    api("DELETE", "/inputs", {"ids": ids})
    api("POST", f"/models/clf/versions/{version}/metrics", {})
    api.sandbox.wait_idle()
    assert metrics(api, version)["status"]["code"] == 21316
    assert api("GET", "/evaluations").get("eval_metrics", []) == []
    listed = api("GET", "/evaluations", show_failed_metrics="true")["eval_metrics"]
    assert [item["status"]["code"] for item in listed] == [21316]


def test_an_evaluation_goes_on_after_a_restart(start: Callable[..., Api], tmp_path: Path) -> None:
    api = start(data=tmp_path)
    version = trained(api, dark=range(5), bright=range(240, 245))
    api.sandbox.hold()
    api("POST", f"/models/clf/versions/{version}/metrics", {})
    api.sandbox.stop()
    again = start(data=tmp_path, create=False)
    again.sandbox.wait_idle()
    assert metrics(again, version)["status"]["code"] == 21300
