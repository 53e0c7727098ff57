"""After an unclear answer a write is sent again only if it is certain that it was not carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from reconciler.call import Call, Json, Listing
from reconciler.conversation import Write, find_item
from reconciler.errors import ApiError, TransportError
from reconciler.execution.delivery import Patience, deliver

VERSIONS = Listing("/v2/models/sure/versions", "model_versions")
POST = Call("POST", VERSIONS.path, body={"model_versions": [{"description": "new"}]})


def lost(call: Call) -> TransportError:
    return TransportError("no answer", method=call.method, path=call.path, unclear=True)


class Wire:
    """A service that carries out every write and loses its answer; reads meet ``looks`` in turn."""

    def __init__(self, *looks: Callable[[list[Json]], list[Json]]) -> None:
        self.versions: list[Json] = []
        self.looks = list(looks)

    def send(self, call: Call) -> Json:
        self.versions.append({"id": f"v{len(self.versions)}"})
        raise lost(call)

    def read_list(self, listing: Listing) -> list[Json]:
        del listing
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return look(self.versions)

    def get(self, call: Call) -> Json:
        raise AssertionError(call)

    def get_all(self, calls: Sequence[Call]) -> list[Json | ApiError]:
        raise AssertionError(calls)

    def read_lists(self, listings: Sequence[Listing]) -> list[list[Json]]:
        raise AssertionError(listings)


def shows(versions: list[Json]) -> list[Json]:
    return versions


def hides(versions: list[Json]) -> list[Json]:
    del versions
    return []


def fails(versions: list[Json]) -> list[Json]:
    del versions
    raise lost(Call("GET", VERSIONS.path))


@pytest.mark.parametrize(
    ("looks", "minted", "acknowledged"),
    [
        pytest.param([shows], 1, True, id="seen at once"),
        pytest.param([hides, fails, shows], 1, True, id="seen at last"),
        pytest.param([fails], 1, False, id="no look is answered"),
        pytest.param([hides, hides, fails], 1, False, id="the last look is not answered"),
        pytest.param([hides], 3, False, id="every look is answered and shows nothing"),
    ],
)
def test_what_cannot_be_looked_for_is_not_sent_again(
    looks: list[Callable[[list[Json]], list[Json]]], minted: int, acknowledged: bool
) -> None:
    wire, clock = Wire(*looks), [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    patience = Patience(read_back_timeout=1.0, clock=lambda: clock[0], sleep=sleep)
    write = Write(POST, lambda: find_item(VERSIONS, bool))
    (answer,) = deliver(wire, [write], patience)
    assert len(wire.versions) == minted
    if acknowledged:
        assert answer == {"id": "v0"}
    else:
        assert isinstance(answer, TransportError)
        assert answer.unclear


def test_a_look_that_took_long_is_not_the_last_one() -> None:
    """It shows what was there as it began, and nothing of the time that was granted since."""
    clock = [0.0]

    def takes_long(versions: list[Json]) -> list[Json]:
        del versions
        clock[0] += 60.0
        return []

    patience = Patience(read_back_timeout=1.0, clock=lambda: clock[0], sleep=lambda _: None)
    wire = Wire(takes_long, shows)
    (answer,) = deliver(wire, [Write(POST, lambda: find_item(VERSIONS, bool))], patience)
    assert (answer, len(wire.versions)) == ({"id": "v0"}, 1)
