"""Searches as Clarifai's own test-suite makes them, over both doors, with a scripted picture."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2 as r
from clarifai_grpc.grpc.api import service_pb2 as s
from clarifai_grpc.grpc.api import service_pb2_grpc
from google.protobuf import struct_pb2, timestamp_pb2

from reconciler.sandbox import Sandbox
from tests.sandbox.calling import calling
from tests.sandbox.driving import Api

pytestmark = pytest.mark.filterwarnings("ignore:label.. is deprecated:DeprecationWarning")

DOG = "https://pictures.example/dog.jpeg"
DOG_ID = "ai_8S2Vq3cR"
PAGE = s.Pagination(page=1, per_page=1000)
BOX = ((43, 54), (45, 56))


@dataclass
class Suite:
    """What a test of theirs does, with the call of either door."""

    ask: Callable[[str, Any], Any]
    sandbox: Sandbox

    def picture(self, **fields: Any) -> Any:
        """An input with a label of its own, metadata and a place; waited for."""
        name = uuid.uuid4().hex[:15]
        data = r.Data(
            image=r.Image(url=DOG, allow_duplicate_url=True),
            concepts=[r.Concept(id=f"own-{name}", name=f"own name {name}", value=1)],
            metadata=struct(some="value", other={"inner": "value"}),
            geo=r.Geo(geo_point=r.GeoPoint(longitude=44, latitude=55)),
        )
        made = self.ask("PostInputs", s.PostInputsRequest(inputs=[r.Input(data=data, **fields)]))
        self.sandbox.wait_idle()
        return made.inputs[0]

    def inputs(self, *filters: Any, ranks: Any = ()) -> list[str]:
        search = r.Search(query=r.Query(filters=filters, ranks=ranks))
        request = s.PostInputsSearchesRequest(searches=[search], pagination=PAGE)
        return [hit.input.id for hit in self.ask("PostInputsSearches", request).hits]

    def old(self, *ands: Any) -> list[str]:
        request = s.PostSearchesRequest(query=r.Query(ands=ands), pagination=PAGE)
        return [hit.input.id for hit in self.ask("PostSearches", request).hits]


@pytest.fixture(params=["rest", "grpc"])
def suite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Suite]:
    scores = tmp_path / "scores.yaml"
    scores.write_text(
        f"source: a test\nimages:\n  - url: {DOG}\n    concepts: {{{DOG_ID}: 0.99}}\n"
    )
    with ExitStack() as stack:
        options = {"grpc_port": 0} if request.param == "grpc" else {}
        sandbox = stack.enter_context(Sandbox(scores=scores, **options))
        api = Api(sandbox)
        app = {"id": api.app, "default_workflow_id": "General"}
        api("POST", "/v2/users/me/apps", {"apps": [app]})
        stack.callback(api.session.close)
        if request.param == "grpc":
            yield Suite(stack.enter_context(calling(sandbox, api.app)).ok, sandbox)
            return
        channel = ClarifaiChannel.get_json_channel(sandbox.base_url)
        stack.callback(channel.session.close)
        stub = service_pb2_grpc.V2Stub(channel)
        metadata = (("authorization", f"Key {sandbox.token}"),)

        def ask(method: str, message: Any) -> Any:
            message.user_app_id.CopyFrom(r.UserAppIDSet(user_id="me", app_id=api.app))
            answer = getattr(stub, method)(message, metadata=metadata)
            assert answer.status.code == 10000, answer.status
            return answer

        yield Suite(ask, sandbox)


def struct(**values: Any) -> Any:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def concept(**fields: Any) -> Any:
    return r.Data(concepts=[r.Concept(value=1, **fields)])


def annotated(data: Any) -> Any:
    return r.Filter(annotation=r.Annotation(data=data))


def ranked(data: Any) -> Any:
    return r.Rank(annotation=r.Annotation(data=data))


def box() -> Any:
    corners = [r.GeoPoint(longitude=x, latitude=y) for x, y in BOX]
    return r.Data(geo=r.Geo(geo_box=[r.GeoBoxedPoint(geo_point=corner) for corner in corners]))


def circle() -> Any:
    point = r.GeoPoint(longitude=43, latitude=56)
    limit = r.GeoLimit(value=1000, type="withinKilometers")
    return r.Data(geo=r.Geo(geo_point=point, geo_limit=limit))


def dog_picture() -> Any:
    return r.Data(image=r.Image(url=DOG))


def test_an_input_is_found_by_all_that_is_known_of_it(suite: Suite) -> None:
    picture = suite.picture()
    own = picture.data.concepts[0]
    metadata = r.Data(metadata=struct(other={"inner": "value"}))
    for data in (concept(id=own.id), concept(name=own.name), metadata, box(), circle()):
        assert suite.inputs(annotated(data)) == [picture.id], data
        assert suite.old(r.And(input=r.Input(data=data))) == [picture.id], data
    for data in (concept(id=DOG_ID), concept(name="dog")):
        assert suite.inputs(ranks=[ranked(data)]) == [picture.id], data
        assert suite.old(r.And(output=r.Output(data=data))) == [picture.id], data
    like = r.And(output=r.Output(input=r.Input(data=dog_picture())))
    assert suite.inputs(ranks=[ranked(dog_picture())]) == [picture.id]
    assert suite.old(like) == [picture.id]
    assert suite.inputs(annotated(box()), ranks=[ranked(dog_picture())]) == [picture.id]
    assert suite.old(like, r.And(input=r.Input(data=box()))) == [picture.id]
    together = [
        r.And(input=r.Input(data=box())),
        r.And(input=r.Input(data=concept(name=own.name))),
        r.And(output=r.Output(data=concept(name="dog"))),
    ]
    assert suite.old(*together) == [picture.id]
    assert suite.inputs(annotated(concept(id="nobody"))) == []


@pytest.mark.parametrize(("language", "name"), [("zh", "狗"), ("ja", "犬")])
def test_a_prediction_is_found_by_its_name_in_another_language(
    suite: Suite, language: str, name: str
) -> None:
    picture = suite.picture()
    query = r.Query(ranks=[ranked(concept(name=name))], language=language)
    request = s.PostInputsSearchesRequest(searches=[r.Search(query=query)])
    assert [hit.input.id for hit in suite.ask("PostInputsSearches", request).hits] == [picture.id]
    old = r.And(output=r.Output(data=concept(name=name)))
    request = s.PostSearchesRequest(query=r.Query(ands=[old], language=language))
    assert [hit.input.id for hit in suite.ask("PostSearches", request).hits] == [picture.id]
    assert suite.inputs(ranks=[ranked(concept(name=name))]) == []


def test_an_annotation_has_one_region_and_so_one_of_two_concepts(suite: Suite) -> None:
    picture = suite.picture()
    for id_, top, bottom in (("palm", 0, 0.45), ("water", 0.6, 1)):
        corners = r.BoundingBox(top_row=top, left_col=0, bottom_row=bottom, right_col=1)
        region = r.Region(region_info=r.RegionInfo(bounding_box=corners), data=concept(id=id_))
        annotation = r.Annotation(input_id=picture.id, data=r.Data(regions=[region]))
        suite.ask("PostAnnotations", s.PostAnnotationsRequest(annotations=[annotation]))

    def hits(*ids: str) -> list[str]:
        filters = [annotated(concept(id=id_)) for id_ in ids]
        search = r.Search(query=r.Query(filters=filters))
        request = s.PostAnnotationsSearchesRequest(searches=[search], pagination=PAGE)
        return [hit.input.id for hit in suite.ask("PostAnnotationsSearches", request).hits]

    assert hits("palm") == [picture.id]
    assert hits("water") == [picture.id]
    assert hits("palm", "water") == []


def test_a_search_is_saved_and_carried_out_by_its_id(suite: Suite) -> None:
    first, second = suite.picture(), suite.picture()
    listed = suite.ask("ListAnnotations", s.ListAnnotationsRequest(input_ids=[first.id, second.id]))
    changed = [
        r.Annotation(id=one.id, input_id=one.input_id, data=concept(id="both"))
        for one in listed.annotations
    ]
    suite.ask("PatchAnnotations", s.PatchAnnotationsRequest(action="merge", annotations=changed))
    as_of = timestamp_pb2.Timestamp()
    as_of.GetCurrentTime()
    as_of.seconds += 5
    query = r.Query(ands=[r.And(input=r.Input(data=concept(id="both")))])
    search = r.Search(id="saved", save=True, as_of=as_of, query=query)
    saved = suite.ask("PostSearches", s.PostSearchesRequest(searches=[search]))
    assert not saved.hits
    found = suite.ask("PostSearchesByID", s.PostSearchesByIDRequest(id="saved"))
    assert {hit.input.id for hit in found.hits} == {first.id, second.id}
    assert {hit.score for hit in found.hits} == {1}
    assert suite.ask("GetSearch", s.GetSearchRequest(id="saved")).search.id == "saved"
    suite.ask("DeleteSearch", s.DeleteSearchRequest(id="saved"))
    assert not suite.ask("ListSearches", s.ListSearchesRequest()).searches


def test_the_life_of_an_input(suite: Suite) -> None:
    picture = suite.picture(id="mine")
    assert picture.id == "mine"
    patched = suite.ask(
        "PatchInputs",
        s.PatchInputsRequest(
            action="merge",
            inputs=[
                r.Input(
                    id="mine",
                    data=r.Data(
                        concepts=[r.Concept(id="another", value=1)],
                        geo=r.Geo(geo_point=r.GeoPoint(longitude=77, latitude=88)),
                        metadata=struct(new="value"),
                    ),
                )
            ],
        ),
    ).inputs[0]
    assert patched.data.concepts[1].id == "another"
    assert patched.data.geo.geo_point.latitude == 88
    assert dict(patched.data.metadata) == {
        "some": "value",
        "other": struct(inner="value"),
        "new": "value",
    }
    overwritten = r.Input(id="mine", data=r.Data(concepts=[r.Concept(id="new-one")]))
    suite.ask("PatchInputs", s.PatchInputsRequest(action="overwrite", inputs=[overwritten]))
    found = suite.ask("GetInput", s.GetInputRequest(input_id="mine")).input
    assert [one.name for one in found.data.concepts] == ["new-one"]
    assert found.data.image.url == DOG
    assert len(suite.ask("ListInputs", s.ListInputsRequest(per_page=1)).inputs) == 1
    past = s.ListInputsRequest(per_page=500, page=1000)
    assert not suite.ask("ListInputs", past).inputs
    suite.ask("DeleteInputs", s.DeleteInputsRequest(ids=["mine"]))
    assert not suite.ask("StreamInputs", s.StreamInputsRequest()).inputs
