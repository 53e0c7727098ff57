"""Patches of every kind of field, whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest
from clarifai_grpc.grpc.api import resources_pb2 as r
from google.protobuf import duration_pb2, timestamp_pb2

from reconciler.sandbox import patching, wire
from reconciler.sandbox.parsing import BadJson


def embedding(*vector: float) -> Any:
    return r.Embedding(vector=vector)


@pytest.mark.parametrize(
    ("action", "left"),
    [("remove", [2.0]), ("merge", [1.0, 2.0, 1.0, 3.0]), ("overwrite", [1.0, 3.0])],
)
def test_lists_of_things_without_ids(action: str, left: list[float]) -> None:
    target = r.Data(embeddings=[embedding(1.0), embedding(2.0)])
    sent = r.Data(embeddings=[embedding(1.0), embedding(3.0)])
    patching.apply(target, sent, action, ("embeddings",))
    assert [item.vector[0] for item in target.embeddings] == left


def test_of_things_with_ids_only_the_named_ones_are_removed() -> None:
    target = r.Data(regions=[r.Region(id="a"), r.Region(track_id="one"), r.Region(track_id="two")])
    sent = r.Data(regions=[r.Region(id="a", track_id="x"), r.Region(track_id="one")])
    patching.apply(target, sent, "remove", ("regions",))
    assert [item.track_id for item in target.regions] == ["two"]


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (r.Concept(created_at=timestamp_pb2.Timestamp(seconds=2**62)), "created_at: "),
        (r.Concept(created_at=timestamp_pb2.Timestamp(nanos=-1)), "created_at: "),
        (r.TimeSegment(time_info=r.TimeInfo(num_frames=1)), ""),
        (duration_pb2.Duration(seconds=-(2**63)), "Duration is not valid"),
    ],
    ids=["a time after all", "a time with negative parts", "good", "a duration before all"],
)
def test_times_that_no_answer_could_show_are_refused(message: Any, path: str) -> None:
    kind, body = type(message), message.SerializeToString()
    if not path:
        assert wire.read(kind, body) == message
        return
    with pytest.raises(BadJson) as caught:
        wire.read(kind, body)
    assert str(caught.value).startswith(path)
