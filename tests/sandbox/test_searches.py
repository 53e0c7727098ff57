"""Searches: what passes the filters, how hits are ranked, what is refused, what is saved."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from clarifai_grpc.grpc.api import resources_pb2
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox import vision
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.searching import geography
from tests.sandbox.driving import Api, png

DOG = "https://pictures.example/dog.jpeg"
CAT = "https://pictures.example/cat.jpeg"
SCORES = f"""
source: a test
images:
  - url: {DOG}
    concepts: {{ai_8S2Vq3cR: 0.9, ai_mFqxrph2: 0.25}}
  - url: {CAT}
    concepts: {{ai_8S2Vq3cR: 0.5, ai_mFqxrph2: 0.75}}
"""
RECOGNITION = "aa7f35c01e0642fda5cf400f543e7c40"


def picture(shade: int) -> Any:
    return {"image": {"base64": base64.b64encode(png(shade)).decode()}}


def at(longitude: float, latitude: float) -> Any:
    return {"geo": {"geo_point": {"longitude": longitude, "latitude": latitude}}}


def box(shape: str = "bounding_box", **more: Any) -> Any:
    region = {"region_info": {shape: {}}, "data": {"concepts": [{"id": "in-a-box"}]}, **more}
    return {"regions": [region]}


def annotate(api: Api, input_id: str, data: Any, **fields: Any) -> str:
    body = {"annotations": [{"input_id": input_id, "data": data, **fields}]}
    return str(api("POST", "/annotations", body)["annotations"][0]["id"])


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Inputs ``dog``, ``cat`` (scripted), ``grey`` (bytes), ``word`` (text): only read by its tests."""
    from reconciler.sandbox import Sandbox

    path: Path = tmp_path_factory.mktemp("zoo") / "scores.yaml"
    path.write_text(SCORES)
    with Sandbox(scores=path) as sandbox:
        api = Api(sandbox)
        api(
            "POST",
            "/v2/users/me/apps",
            {"apps": [{"id": "park", "default_workflow_id": "General"}]},
        )
        api("POST", "/datasets", {"datasets": [{"id": "animals"}]})
        inputs = [
            {
                "id": "dog",
                "dataset_ids": ["animals"],
                "data": {
                    "image": {"url": DOG},
                    "concepts": [{"id": "pet", "name": "a pet"}, {"id": "wild", "value": 0}],
                    "metadata": {"k": "v", "deep": {"a": 1, "b": [1, 2]}},
                    **at(-30, 40),
                },
            },
            {
                "id": "cat",
                "data": {"image": {"url": CAT}, "metadata": {"k": "other"}, **at(44, 55)},
            },
            {"id": "grey", "data": picture(100)},
            {"id": "word", "data": {"text": {"raw": "a word"}}},
        ]
        api("POST", "/inputs", {"inputs": inputs})
        api("POST", "/inputs", {"inputs": [{"id": "film", "data": {"video": {"base64": "AAAA"}}}]})
        sandbox.wait_idle()
        doubtful = {"concepts": [{"id": "pet", "value": 0.3}]}
        annotate(api, "cat", doubtful, status={"code": 24151}, user_id="ann", task_id="t1")
        annotate(api, "grey", box(track_id="track"), annotation_info={"how": {"by": "hand"}})
        annotate(api, "word", {"frames": [{"frame_info": {"index": 1}}]})
        yield api
        api.session.close()


def found(api: Api, *filters: Any, path: str = "/inputs/searches", **search: Any) -> list[str]:
    ranks = search.pop("ranks", [])
    query = {"filters": list(filters), "ranks": ranks, **search.pop("query", {})}
    body = {"searches": [{"query": query, **search}]}
    return [hit["input"]["id"] for hit in api("POST", path, body)["hits"]]


def labelled(*concepts: Any, **more: Any) -> Any:
    return {"annotation": {"data": {"concepts": list(concepts)}, **more}}


def geo(**drawn: Any) -> Any:
    return {"annotation": {"data": {"geo": drawn}}}


def corners(*points: tuple[float, float]) -> Any:
    return [{"geo_point": {"longitude": x, "latitude": y}} for x, y in points]


def circle(x: float, y: float, limit: Any = None) -> Any:
    drawn: dict[str, Any] = {"geo_point": {"longitude": x, "latitude": y}}
    return geo(**drawn, **({"geo_limit": limit} if limit else {}))


def with_data(data: Any, **more: Any) -> Any:
    return {"annotation": {"data": data, **more}}


def of_input(**fields: Any) -> Any:
    return {"input": fields}


FILTERS: dict[str, tuple[list[Any], str]] = {
    "nothing is asked": ([], "film word grey cat dog"),
    "an empty filter, as the SDK sends it": (
        [{"annotation": {}, "input": {}}],
        "film word grey cat dog",
    ),
    "a concept by id": ([labelled({"id": "pet"})], "cat dog"),
    "a concept by name": ([labelled({"name": "A Pet"})], "cat dog"),
    "a concept of this value at least": ([labelled({"id": "pet", "value": 0.31})], "dog"),
    "the very value is enough": ([labelled({"id": "pet", "value": 0.3})], "cat dog"),
    "a negative label": ([labelled({"id": "wild", "value": 0})], "dog"),
    "a negative label is not a positive one": ([labelled({"id": "wild"})], ""),
    "a concept within a region": ([labelled({"id": "in-a-box"})], "grey"),
    "concepts of one filter are alternatives": (
        [labelled({"id": "pet"}, {"id": "in-a-box"})],
        "grey cat dog",
    ),
    "filters must all hold": ([labelled({"id": "pet"}), labelled({"id": "in-a-box"})], ""),
    "an unknown concept": ([labelled({"id": "nobody"})], ""),
    "not labelled so": ([{**labelled({"id": "pet"}), "negate": True}], "film word grey"),
    "a concept by an author": ([labelled({"id": "pet"}, user_id="ann")], "cat"),
    "what I said myself": ([labelled({"id": "pet"}, user_id="me")], "dog"),
    "mine as a worker's": ([labelled({"id": "pet"}, worker={"user": {"id": "me"}})], "dog"),
    "a concept by a worker": ([labelled({"id": "pet"}, worker={"user": {"id": "ann"}})], "cat"),
    "a concept with a status": ([labelled({"id": "pet"}, status={"code": 24150})], "dog"),
    "an annotation of a task": ([{"annotation": {"task_id": "t1"}}], "cat"),
    "an input of an id": ([{"annotation": {"input_id": "grey"}}], "grey"),
    "its own labels alone": ([labelled({"id": "pet"}, input_level=True)], "dog"),
    "a trusted annotation": ([labelled({"id": "pet"}, trusted=True)], "cat dog"),
    "annotation info": ([{"annotation": {"annotation_info": {"how": {"by": "hand"}}}}], "grey"),
    "other annotation info": ([{"annotation": {"annotation_info": {"how": "by hand"}}}], ""),
    "metadata": ([with_data({"metadata": {"k": "v"}})], "dog"),
    "metadata within": ([with_data({"metadata": {"deep": {"a": 1}}})], "dog"),
    "metadata in a list": ([with_data({"metadata": {"deep": {"b": [2]}}})], "dog"),
    "metadata of another value": ([with_data({"metadata": {"deep": {"a": 2}}})], ""),
    "metadata of another kind": ([with_data({"metadata": {"deep": "a"}})], ""),
    "keys of metadata are alternatives": ([with_data({"metadata": {"k": "v", "x": 1}})], "dog"),
    "a box": ([geo(geo_box=corners((43, 54), (45, 56)))], "cat"),
    "a box from its other corners": ([geo(geo_box=corners((45, 54), (43, 56)))], "cat"),
    "a circle in kilometres": (
        [circle(-29, 40, {"type": "withinKilometers", "value": 100})],
        "dog",
    ),
    "a smaller circle": ([circle(-29, 40, {"type": "withinKilometers", "value": 80})], ""),
    "a circle in miles": ([circle(-29, 40, {"type": "withinMiles", "value": 54})], "dog"),
    "a circle in degrees": ([circle(-29, 40, {"type": "withinDegrees", "value": 1})], "dog"),
    "a circle in radians": ([circle(-29, 40, {"type": "withinRadians", "value": 4})], "cat dog"),
    "a circle without a limit": ([circle(-30.1, 40)], "dog"),
    "what has no place in space or time": (
        [{"annotation": {"data": {}}}, of_input(id="grey")],
        "grey",
    ),
    "a bounding box": (
        [with_data({"regions": [{"region_info": {"bounding_box": {}}}]})],
        "grey",
    ),
    "a mask": ([with_data({"regions": [{"region_info": {"mask": {}}}]})], ""),
    "a track": ([with_data({"regions": [{"track_id": "track"}]})], "grey"),
    "a frame": ([with_data({"frames": [{"frame_info": {}}]})], "word"),
    "a model version": ([{"annotation": {"model_version_id": RECOGNITION}}], "cat dog"),
    "a model as a worker": (
        [{"annotation": {"worker": {"model": {"model_version": {"id": RECOGNITION}}}}}],
        "cat dog",
    ),
    "images": ([of_input(data={"image": {}})], "grey cat dog"),
    "images or texts": ([of_input(data={"image": {}, "text": {}})], "word grey cat dog"),
    "a status of inputs": ([of_input(status={"code": 30002})], "film"),
    "fields of one input are alternatives": (
        [of_input(data={"text": {}}, status={"code": 30002})],
        "film word",
    ),
    "two filters of inputs": (
        [of_input(data={"image": {}}), of_input(status={"code": 30002})],
        "",
    ),
    "a dataset": ([of_input(dataset_ids=["animals", "plants"])], "dog"),
    "another dataset": ([of_input(dataset_ids=["plants"])], ""),
    "no images": ([{**of_input(data={"image": {}}), "negate": True}], "film word"),
    "an input and a label": (
        [{**labelled({"id": "pet"}), **of_input(dataset_ids=["animals"])}],
        "dog",
    ),
}


@pytest.mark.parametrize(("filters", "ids"), FILTERS.values(), ids=FILTERS)
def test_what_passes_the_filters(zoo: Api, filters: list[Any], ids: str) -> None:
    assert found(zoo, *filters) == ids.split()


def test_a_cluster_is_found_by_its_id(zoo: Api) -> None:
    query = {"list_all_annotations": "True", "return_model_output": "True", "input_ids": "grey"}
    listed = zoo("GET", "/annotations", per_page=100, **query)["annotations"]
    (cluster,) = [
        item["data"]["clusters"][0]["id"] for item in listed if "clusters" in item["data"]
    ]
    assert found(zoo, with_data({"clusters": [{"id": cluster}]})) == ["grey"]


def test_an_annotation_is_found_by_the_time_of_its_last_change(zoo: Api) -> None:
    own = zoo("GET", "/annotations", input_ids="dog")["annotations"][0]
    span = {"start_time": own["modified_at"], "end_time": own["modified_at"]}
    assert "dog" in found(zoo, {"last_updated_time_range": span})
    past = {"end_time": "2020-01-01T00:00:00Z"}
    assert found(zoo, {"last_updated_time_range": past}) == []


def test_a_hit_shows_the_input_the_annotation_and_whose_app_it_is(zoo: Api) -> None:
    search = {"query": {"filters": [labelled({"id": "pet"}, user_id="ann")]}}
    answer = zoo("POST", "/inputs/searches", {"searches": [search]})
    (hit,) = answer["hits"]
    assert (hit["score"], hit["user_id"], hit["app_id"]) == (1, "sandbox-user", "park")
    assert hit["input"]["id"] == "cat"
    assert hit["annotation"]["task_id"] == "t1"
    assert len(answer["id"]) == 32
    assert answer["searches"][0]["query"] == answer["query"]


def test_hits_come_in_pages(zoo: Api) -> None:
    def page(number: int) -> list[str]:
        body = {"searches": [{}], "pagination": {"page": number, "per_page": 2}}
        return [hit["input"]["id"] for hit in zoo("POST", "/inputs/searches", body)["hits"]]

    assert [page(number) for number in (1, 2, 3, 4)] == [
        ["film", "word"],
        ["grey", "cat"],
        ["dog"],
        [],
    ]


def test_hits_may_only_be_counted(zoo: Api) -> None:
    searches = [{"query": {"filters": [labelled({"id": id_})]}} for id_ in ("pet", "nobody")]
    answer = zoo("POST", "/inputs/searches", {"searches": searches, "only_count": True})
    assert answer["hits"] == []
    assert [int(item.get("estimated_total", 0)) for item in answer["hit_counts"]] == [2, 0]


def test_all_keys_of_metadata_may_be_needed(start: Callable[..., Api]) -> None:
    api = start(behaviour=Behaviour(metadata_filter_needs_all_keys=True))
    data = {"text": {"raw": "x"}, "metadata": {"k": "v", "l": "w"}}
    api("POST", "/inputs", {"inputs": [{"id": "i1", "data": data}]})
    assert found(api, with_data({"metadata": {"k": "v", "l": "w"}})) == ["i1"]
    assert found(api, with_data({"metadata": {"k": "v", "x": 1}})) == []


# --- annotations ----------------------------------------------------------------------------


def annotations(api: Api, *filters: Any, **search: Any) -> list[tuple[str, float]]:
    body = {"searches": [{"query": {"filters": list(filters), **search}}]}
    hits = api("POST", "/annotations/searches", body)["hits"]
    return [(hit["annotation"]["input_id"], hit["score"]) for hit in hits]


def test_every_annotation_that_passes_is_a_hit(zoo: Api) -> None:
    assert annotations(zoo, labelled({"id": "pet"})) == [("cat", 1), ("dog", 1)]
    assert len(annotations(zoo)) == 8
    assert annotations(zoo, {**labelled({"id": "pet"}), "negate": True}, of_input(id="cat")) == [
        ("cat", 1)
    ]


def test_one_annotation_has_to_pass_all_filters(zoo: Api) -> None:
    by_ann = {"annotation": {"user_id": "ann"}}
    own = {"annotation": {"input_level": True, "input_id": "cat"}}
    assert found(zoo, by_ann, own) == ["cat"]
    assert annotations(zoo, by_ann, own) == []


def test_annotations_are_ranked_as_their_inputs(zoo: Api) -> None:
    rank = [labelled({"id": "ai_8S2Vq3cR"})]
    assert annotations(zoo, labelled({"id": "pet"}), ranks=rank) == [("dog", 0.9), ("cat", 0.5)]


# --- ranks ----------------------------------------------------------------------------------


def scored(
    api: Api, *ranks: Any, path: str = "/inputs/searches", **search: Any
) -> dict[str, float]:
    query = {"ranks": list(ranks), "filters": search.pop("filters", []), **search.pop("query", {})}
    body = {"searches": [{"query": query, **search}]}
    return {hit["input"]["id"]: hit["score"] for hit in api("POST", path, body)["hits"]}


RANKS: dict[str, tuple[list[Any], list[tuple[str, float]]]] = {
    "a predicted concept": ([labelled({"id": "ai_8S2Vq3cR"})], [("dog", 0.9), ("cat", 0.5)]),
    "by its name": ([labelled({"name": "Cat"})], [("cat", 0.75), ("dog", 0.25)]),
    "the absence of one": (
        [labelled({"id": "ai_mFqxrph2", "value": 0})],
        [("dog", 0.75), ("film", 0.5), ("word", 0.5), ("grey", 0.5), ("cat", 0.25)],
    ),
    "a negated rank": (
        [{**labelled({"id": "ai_mFqxrph2"}), "negate": True}],
        [("dog", 0.75), ("film", 0.5), ("word", 0.5), ("grey", 0.5), ("cat", 0.25)],
    ),
    "the best of several concepts": (
        [labelled({"id": "ai_8S2Vq3cR"}, {"id": "ai_mFqxrph2"})],
        [("dog", 0.9), ("cat", 0.75)],
    ),
    "several ranks": (
        [labelled({"id": "ai_8S2Vq3cR"}), labelled({"id": "ai_mFqxrph2"})],
        [("cat", 0.375), ("dog", 0.225)],
    ),
    "of one model version": (
        [labelled({"id": "ai_8S2Vq3cR"}, model_version_id=RECOGNITION)],
        [("dog", 0.9), ("cat", 0.5)],
    ),
    "of another": ([labelled({"id": "ai_8S2Vq3cR"}, model_version_id="v")], []),
    "what nobody predicts": ([labelled({"id": "pet"})], []),
    "a scripted address": ([with_data({"image": {"url": f" {DOG} "}})], [("dog", 1)]),
    "a scripted input": ([{"annotation": {"input_id": "dog"}}], [("dog", 1)]),
    "an empty rank, as the SDK sends it": (
        [{"annotation": {}}],
        [("film", 1), ("word", 1), ("grey", 1), ("cat", 1), ("dog", 1)],
    ),
}


@pytest.mark.parametrize(("ranks", "expected"), RANKS.values(), ids=RANKS)
def test_hits_are_ranked(zoo: Api, ranks: list[Any], expected: list[tuple[str, float]]) -> None:
    assert list(scored(zoo, *ranks).items()) == expected


def test_a_rank_shows_no_hit_below_the_least_score(zoo: Api) -> None:
    rank = labelled({"id": "ai_8S2Vq3cR"})
    assert scored(zoo, rank, min_value=0.9) == {"dog": 0.9}
    assert scored(zoo, rank, min_value=0.91) == {}


def test_filters_go_before_ranks(zoo: Api) -> None:
    rank = labelled({"id": "ai_8S2Vq3cR"})
    assert scored(zoo, rank, filters=[labelled({"id": "pet"}, user_id="ann")]) == {"cat": 0.5}


@pytest.fixture
def shades(api: Api) -> Api:
    inputs = [{"id": f"s{shade}", "data": picture(shade)} for shade in (0, 60, 250)]
    api("POST", "/inputs", {"inputs": inputs})
    api.sandbox.wait_idle()
    return api


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metric": "EUCLIDEAN_DISTANCE", "algorithm": "nearest_neighbor"},
        {"metric": "COSINE_DISTANCE", "algorithm": "brute_force"},
    ],
    ids=["as it is", "euclidean", "cosine"],
)
def test_like_pictures_come_first(shades: Api, options: Any) -> None:
    scores = scored(shades, with_data(picture(60)), **options)
    assert list(scores) == ["s60", "s0", "s250"]
    assert math.isclose(scores["s60"], 1, abs_tol=1e-5)
    assert 0 <= scores["s250"] < scores["s0"] < scores["s60"]
    assert scored(shades, {"annotation": {"input_id": "s60"}}, **options) == scores
    unlike = {**with_data(picture(60)), "negate": True}
    assert list(scored(shades, unlike, **options)) == ["s250", "s0", "s60"]


def test_like_texts_come_first(api: Api) -> None:
    words = {
        "dogs": "a dog barks at dogs",
        "cats": "cats sleep all day",
        "taxes": "file your taxes",
    }
    inputs = [{"id": id_, "data": {"text": {"raw": raw}}} for id_, raw in words.items()]
    api("POST", "/inputs", {"inputs": [*inputs, {"id": "s60", "data": picture(60)}]})
    api.sandbox.wait_idle()
    scores = scored(api, with_data({"text": {"raw": "the dog barks"}}))
    assert next(iter(scores)) == "dogs"
    assert set(scores) == set(words)
    assert next(iter(scored(api, {"annotation": {"input_id": "cats"}}))) == "cats"


def test_a_vector_may_be_given(shades: Api) -> None:
    vector = vision.embed(png(250))
    embedding = {"vector": list(vector), "num_dimensions": len(vector)}
    assert next(iter(scored(shades, with_data({"embeddings": [embedding]})))) == "s250"


def test_an_app_without_an_embedder_is_not_searched_by_likeness(start: Callable[..., Api]) -> None:
    api = start(create=False)
    api("POST", "/v2/users/me/apps", {"apps": [{"id": "park", "default_workflow_id": "Empty"}]})
    api("POST", "/inputs", {"inputs": [{"id": "i1", "data": picture(7)}]})
    api.sandbox.wait_idle()
    assert scored(api, with_data(picture(7))) == {}
    search = {"searches": [{"query": {"ranks": [{"annotation": {"input_id": "i1"}}]}}]}
    assert api.refused("POST", "/inputs/searches", search)[:2] == (400, 40002)


class _Picture(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/60.png":
            self.send_error(404)
            return
        content = png(60)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def pictures() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Picture)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_picture_is_fetched_to_be_compared(shades: Api, pictures: str) -> None:
    url = {"url": f"{pictures}/60.png", "allow_duplicate_url": True}
    assert next(iter(scored(shades, with_data({"image": url})))) == "s60"
    shades("POST", "/inputs", {"inputs": [{"id": "by-url", "data": {"image": url}}]})
    shades.sandbox.wait_idle()
    assert list(scored(shades, with_data(picture(60))))[:2] == ["by-url", "s60"]
    gone = {"ranks": [with_data({"image": {"url": f"{pictures}/gone.png"}})]}
    refused = shades.refused("POST", "/inputs/searches", {"searches": [{"query": gone}]})
    details = f"404 Client Error: Not Found for url: {pictures}/gone.png"
    assert refused == (400, 30002, details)


# --- what is refused ------------------------------------------------------------------------


REFUSED: dict[str, tuple[Any, str]] = {
    "no searches": ({}, "the request names no searches"),
    "two searches": (
        {"searches": [{}, {}]},
        "the sandbox runs one search in a request, not 2",
    ),
    "some to be saved": (
        {"searches": [{"save": True}, {}]},
        "some searches of the request are to be saved, others not",
    ),
    "old words": (
        {"searches": [{"query": {"ands": [{"negate": True}]}}]},
        "'ands' belong to the old /searches; here a query has 'filters' and 'ranks'",
    ),
    "another algorithm": (
        {"searches": [{"algorithm": "avg_concept_brute_force"}]},
        "algorithm 'avg_concept_brute_force' is not one that the sandbox has: "
        "'nearest_neighbor', 'brute_force'",
    ),
    "cosine with neighbours": (
        {"searches": [{"metric": "COSINE_DISTANCE", "algorithm": "nearest_neighbor"}]},
        "COSINE_DISTANCE needs the algorithm 'brute_force'",
    ),
    "counting what is to be saved": (
        {"searches": [{"save": True}], "only_count": True},
        "only_count needs searches that are carried out",
    ),
}

FIELDS: dict[str, tuple[Any, str]] = {
    "a colour": (
        {"filters": [with_data({"colors": [{"raw_hex": "#f00"}]})]},
        "filters[0].annotation.data.colors.raw_hex ",
    ),
    "corners of a bounding box": (
        {"filters": [with_data({"regions": [{"region_info": {"bounding_box": {"top_row": 1}}}]})]},
        "filters[0].annotation.data.regions.region_info.bounding_box.top_row ",
    ),
    "a second filter": (
        {"filters": [labelled({"id": "x"}), of_input(data={"image": {"url": "http://x"}})]},
        "filters[1].input.data.image.url ",
    ),
    "a rank by author": (
        {"ranks": [{"annotation": {"user_id": "ann"}}]},
        "ranks[0].annotation.user_id ",
    ),
    "a rank by metadata": (
        {"ranks": [with_data({"metadata": {"k": "v"}})]},
        "ranks[0].annotation.data.metadata ",
    ),
}

MEANINGLESS: dict[str, tuple[Any, str]] = {
    "one corner": ({"filters": [geo(geo_box=corners((1, 2)))]}, "a geo_box has 2 corners, not 1"),
    "a limit alone": ({"filters": [geo(geo_limit={"value": 3})]}, "a geo_limit needs a geo_point"),
    "nothing drawn": ({"filters": [geo()]}, "a geo filter needs a geo_point or a geo_box"),
    "another unit": (
        {"filters": [circle(1, 2, {"type": "withinYards", "value": 3})]},
        "geo_limit.type 'withinYards' is none of withinMiles, withinKilometers, withinDegrees, "
        "withinRadians",
    ),
    "an image of nothing": (
        {"ranks": [with_data({"image": {"allow_duplicate_url": True}})]},
        "an image to rank by has neither a url nor content",
    ),
    "a short vector": (
        {"ranks": [with_data({"embeddings": [{"vector": [1.0], "num_dimensions": 2}]})]},
        "the vector has 1 numbers, not 2",
    ),
    "two vectors": (
        {"ranks": [with_data({"embeddings": [{"vector": [1.0]}, {"vector": [1.0]}]})]},
        "2 embeddings in one rank, the most is one",
    ),
    "another embedder": (
        {"ranks": [with_data(picture(1), model_version_id="v")]},
        "no vectors of model version 'v' are kept",
    ),
}


@pytest.mark.parametrize(("body", "details"), REFUSED.values(), ids=REFUSED)
def test_searches_that_are_refused(zoo: Api, body: Any, details: str) -> None:
    assert zoo.refused("POST", "/inputs/searches", body) == (400, 40002, details)


@pytest.mark.parametrize("path", ["/inputs/searches", "/annotations/searches", "/searches"])
@pytest.mark.parametrize(("query", "place"), FIELDS.values(), ids=FIELDS)
def test_a_field_that_is_not_searched_by_is_named(
    zoo: Api, path: str, query: Any, place: str
) -> None:
    http, code, details = zoo.refused("POST", path, {"searches": [{"query": query}]})
    assert (http, code) == (400, 40002)
    assert details.startswith(f"{place}is nothing that can be searched by; what can be: ")


@pytest.mark.parametrize(("query", "details"), MEANINGLESS.values(), ids=MEANINGLESS)
def test_what_cannot_be_meant_says_why(zoo: Api, query: Any, details: str) -> None:
    body = {"searches": [{"query": query}]}
    assert zoo.refused("POST", "/inputs/searches", body) == (400, 40002, details)


def test_what_is_no_image_and_who_is_no_input(zoo: Api) -> None:
    def refused(annotation: Any) -> Any:
        search = {"query": {"ranks": [{"annotation": annotation}]}}
        return zoo.refused("POST", "/inputs/searches", {"searches": [search]})[:2]

    assert refused({"data": {"image": {"base64": "AAAA"}}}) == (400, 30101)
    assert refused({"input_id": "nobody"}) == (404, 11101)
    assert refused({"data": {"image": {"url": "http://127.0.0.1:9/x"}}}) == (400, 30002)


# --- the old way ----------------------------------------------------------------------------


def output(**data: Any) -> Any:
    return {"output": {"data": data}}


OLD: dict[str, tuple[list[Any], list[tuple[str, float]]]] = {
    "a label of the input itself": (
        [{"input": {"data": {"concepts": [{"id": "pet"}]}}}],
        [("dog", 1)],
    ),
    "a label by name": ([{"input": {"data": {"concepts": [{"name": "a pet"}]}}}], [("dog", 1)]),
    "a negated label": (
        [
            {"input": {"data": {"concepts": [{"id": "pet"}]}}, "negate": True},
            {"input": {"id": "cat"}},
        ],
        [("cat", 1)],
    ),
    "metadata": ([{"input": {"data": {"metadata": {"deep": {"a": 1}}}}}], [("dog", 1)]),
    "a place": (
        [{"input": {"data": {"geo": {"geo_box": corners((43, 54), (45, 56))}}}}],
        [("cat", 1)],
    ),
    "the address of a picture": ([{"input": {"data": {"image": {"url": CAT}}}}], [("cat", 1)]),
    "an input": ([{"input": {"id": "word"}}], [("word", 1)]),
    "an input as the old client names it": (
        [{"input": {"id": "dog", "data": {"image": {}}}}],
        [("dog", 1)],
    ),
    "likeness as the old client asks for it": (
        [{"output": {"input": {"id": "dog", "data": {"image": {}}}}}],
        [("dog", 1)],
    ),
    "an input with a status": ([{"input": {"id": "word", "status": {"code": 30002}}}], []),
    "somebody's annotation": (
        [{"annotation": {"user_id": "ann", "data": {"concepts": [{"id": "pet"}]}}}],
        [("cat", 1)],
    ),
    "the address in an annotation": (
        [{"annotation": {"data": {"image": {"url": DOG}}}}],
        [("dog", 1)],
    ),
    "a predicted concept": (
        [output(concepts=[{"id": "ai_8S2Vq3cR"}])],
        [("dog", 0.9), ("cat", 0.5)],
    ),
    "likeness": ([{"output": {"input": {"data": {"image": {"url": DOG}}}}}], [("dog", 1)]),
    "likeness to an input": ([{"output": {"input": {"id": "dog"}}}], [("dog", 1)]),
    "all at once": (
        [
            output(concepts=[{"name": "dog"}]),
            {"input": {"data": {"concepts": [{"name": "a pet"}]}}},
            {"input": {"data": {"geo": {"geo_box": corners((-31, 39), (-29, 41))}}}},
        ],
        [("dog", 0.9)],
    ),
}


@pytest.mark.parametrize(("ands", "expected"), OLD.values(), ids=OLD)
def test_the_old_way_still_searches(
    zoo: Api, ands: list[Any], expected: list[tuple[str, float]]
) -> None:
    hits = zoo("POST", "/searches", {"query": {"ands": ands}})["hits"]
    assert [(hit["input"]["id"], hit["score"]) for hit in hits] == expected


def test_the_old_way_says_what_it_does_not_know(zoo: Api) -> None:
    query = {"ands": [{"output": {"data": {"colors": [{"raw_hex": "#f00"}]}}}]}
    details = zoo.refused("POST", "/searches", {"query": query})[2]
    assert details.startswith(
        "ands[0].output.data.colors.raw_hex is nothing that can be searched by"
    )
    both = {"query": {"ands": []}, "searches": [{}]}
    assert zoo.refused("POST", "/searches", both)[:2] == (400, 40002)


def test_a_concept_is_called_differently_in_another_language(start: Callable[..., Api]) -> None:
    api = start()
    api("POST", "/concepts", {"concepts": [{"id": "seen"}]})
    api("POST", "/concepts/seen/languages", {"concept_languages": [{"id": "zh", "name": "狗"}]})
    regex = {"data": {"concepts": [{"id": "seen"}]}, "params": {"regex": "dog"}}
    version = api.model("match", "regex-based-classifier", {"output_info": regex})
    nodes = [{"id": "m", "model": {"id": "match", "model_version": {"id": version}}}]
    api("POST", "/workflows", {"workflows": [{"id": "auto", "nodes": nodes}]})
    api("PATCH", "", {"app": {"default_workflow_id": "auto"}, "action": "overwrite"})
    data = [{"text": {"raw": word}} for word in ("a dog", "a cat")]
    api("POST", "/inputs", {"inputs": [{"id": f"i{n}", "data": one} for n, one in enumerate(data)]})
    api.sandbox.wait_idle()
    rank = labelled({"name": "狗"})
    assert scored(api, rank) == {}
    assert scored(api, rank, query={"language": "zh"}) == {"i0": 1}
    assert scored(api, labelled({"name": "狗", "language": "zh"})) == {"i0": 1}
    assert scored(api, labelled({"name": "seen"})) == {"i0": 1}


# --- saved searches -------------------------------------------------------------------------


def test_a_search_is_saved_run_changed_and_deleted(api: Api) -> None:
    data = {"text": {"raw": "x"}, "concepts": [{"id": "pet"}]}
    api("POST", "/inputs", {"inputs": [{"id": "i1", "data": data}, {"id": "i2", "data": data}]})
    query = {"ands": [{"input": {"data": {"concepts": [{"id": "pet"}]}}}]}
    search = {"id": "pets", "save": True, "query": query, "name": "all pets"}
    saved = api("POST", "/searches", {"searches": [search]})
    assert saved["hits"] == []
    kept = api("GET", "/searches/pets")["search"]
    assert (kept["name"], kept["application_id"]) == ("all pets", "park")
    assert [item["id"] for item in api("GET", "/searches")["searches"]] == ["pets"]

    hits = api("POST", "/searches/pets", {"pagination": {"page": 1, "per_page": 1}})["hits"]
    assert [hit["input"]["id"] for hit in hits] == ["i2"]
    assert len(api("POST", "/searches/pets", {})["hits"]) == 2

    other = {"ands": [{"input": {"data": {"concepts": [{"id": "wild"}]}}}]}
    body = {"searches": [{"id": "pets", "query": other}], "action": "overwrite"}
    assert api("PATCH", "/searches", body)["searches"][0]["name"] == "all pets"
    assert api("POST", "/searches/pets", {})["hits"] == []
    assert api.refused("PATCH", "/searches", {**body, "action": "merge"})[:2] == (400, 11102)
    assert api.refused("PATCH", "/inputs/searches", body)[:2] == (404, 11101)

    assert api.refused("POST", "/searches", {"searches": [search]})[:2] == (400, 40010)
    api("DELETE", "/searches/pets")
    for method in ("GET", "POST", "DELETE"):
        assert api.refused(method, "/searches/pets", {})[:2] == (404, 11101)


@pytest.mark.parametrize(("path", "hits"), [("/inputs/searches", 1), ("/annotations/searches", 2)])
def test_a_saved_search_runs_as_it_was_saved(api: Api, path: str, hits: int) -> None:
    data = {"text": {"raw": "x"}, "concepts": [{"id": "pet"}]}
    api("POST", "/inputs", {"inputs": [{"id": "i1", "data": data}]})
    annotate(api, "i1", {"concepts": [{"id": "pet"}]})
    search = {"save": True, "query": {"filters": [labelled({"id": "pet"})]}}
    id_ = api("POST", path, {"searches": [search]})["searches"][0]["id"]
    assert len(id_) == 32
    assert len(api("POST", f"/searches/{id_}", {})["hits"]) == hits
    body = {"searches": [{"id": id_, "min_value": 0.5}], "action": "overwrite"}
    assert api("PATCH", path, body)["searches"][0]["min_value"] == 0.5


@pytest.mark.parametrize(
    ("search", "code"),
    [
        ({"id": "a.b"}, 11102),
        ({"query": {"filters": [with_data({"colors": [{"raw_hex": "#f00"}]})]}}, 40002),
    ],
    ids=["a bad id", "a bad query"],
)
def test_what_cannot_run_is_not_saved(api: Api, search: Any, code: int) -> None:
    body = {"searches": [{"save": True}, {"save": True, **search}]}
    assert api.refused("POST", "/inputs/searches", body)[:2] == (400, code)
    assert "searches" not in api("GET", "/searches")


def test_nothing_is_saved_in_the_public_app(api: Api) -> None:
    path = "/v2/users/clarifai/apps/main/inputs/searches"
    assert api.refused("POST", path, {"searches": [{"save": True}]})[:2] == (404, 11101)


def test_a_search_sees_what_was_there_then(api: Api) -> None:
    def then(seconds: float) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))

    text = {"text": {"raw": "x"}}
    api("POST", "/inputs", {"inputs": [{"id": "i1", "data": text}]})
    assert found(api, as_of=then(60)) == ["i1"]
    assert found(api, as_of=then(-60)) == []
    made = api("GET", "/inputs/i1")["input"]["created_at"]
    change = {"id": "i1", "data": {"concepts": [{"id": "pet"}]}}
    api("PATCH", "/inputs", {"inputs": [change], "action": "merge"})
    api("POST", "/inputs", {"inputs": [{"id": "i2", "data": text}]})
    body = {"searches": [{"as_of": made}]}
    http, code, details = api.refused("POST", "/inputs/searches", body)
    assert (http, code) == (400, 40002)
    assert details.endswith("was changed since as_of; the sandbox keeps no history")


# --- geography ------------------------------------------------------------------------------


LONGITUDES = st.floats(-180, 180, width=32)
LATITUDES = st.floats(-90, 90, width=32)
POINTS = st.builds(
    lambda x, y: resources_pb2.GeoPoint(longitude=x, latitude=y), LONGITUDES, LATITUDES
)


@given(POINTS, POINTS, POINTS)
def test_ways_over_the_earth_are_ways(one: Any, other: Any, third: Any) -> None:
    way = geography.distance_km
    assert way(one, one) == pytest.approx(0, abs=1e-6)
    assert way(one, other) == pytest.approx(way(other, one), abs=1e-6)
    assert 0 <= way(one, other) <= 20016
    assert way(one, third) <= way(one, other) + way(other, third) + 1e-3


@pytest.mark.parametrize(
    ("one", "other", "kilometres"),
    [
        ((0, 0), (0, 90), 10007.6),
        ((0, 0), (180, 0), 20015.1),
        ((-0.1278, 51.5074), (2.3522, 48.8566), 343.6),
        ((179, 0), (-179, 0), 222.4),
    ],
    ids=["to the pole", "to the other side", "London to Paris", "over the date line"],
)
def test_known_ways(
    one: tuple[float, float], other: tuple[float, float], kilometres: float
) -> None:
    points = [resources_pb2.GeoPoint(longitude=x, latitude=y) for x, y in (one, other)]
    assert geography.distance_km(*points) == pytest.approx(kilometres, abs=0.1)
