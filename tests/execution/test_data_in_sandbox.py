"""The same against the real sandbox, over real HTTP, with every fault that it can play."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from execution.pictures import picture, video, write

from reconciler.api.client import Client
from reconciler.api.settings import Secret, Settings
from reconciler.call import Call, Target
from reconciler.errors import AuthenticationError, NotFoundError
from reconciler.execution.annotations import read_annotations
from reconciler.execution.data import add, wait
from reconciler.execution.sources import Item, discover, label
from reconciler.sandbox import Sandbox
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.faults import Fault

APP = "digits"


def hurry(seconds: float) -> None:
    """A sleep that lets others run but does not last."""
    time.sleep(min(seconds, 0.02))


@dataclass
class Methods:
    """The methods of the requests so far."""

    sent: list[str] = field(default_factory=list)

    def __call__(self, call: Call, status: int, seconds: float) -> None:
        self.sent.append(call.method)

    def take(self) -> list[str]:
        taken, self.sent = self.sent, []
        return taken


def connect(sandbox: Sandbox, token: str = "", methods: Methods | None = None) -> Client:
    settings = Settings(
        base_url=sandbox.base_url, token=Secret(token or sandbox.token), max_rps=10_000.0
    )
    return Client(settings, sleep=hurry, on_request=methods)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=1, pat="planted-0123456789abcdef") as one:
        yield one


@pytest.fixture
def target(sandbox: Sandbox) -> Target:
    return Target(sandbox.user_id, APP)


@pytest.fixture
def methods() -> Methods:
    return Methods()


@pytest.fixture
def client(sandbox: Sandbox, target: Target, methods: Methods) -> Iterator[Client]:
    with connect(sandbox, methods=methods) as one:
        one.send(Call("POST", f"{target.user_path}/apps", body={"apps": [{"id": APP}]}))
        concepts = [{"id": "one"}, {"id": "two"}]
        one.send(Call("POST", target.at("concepts"), body={"concepts": concepts}))
        methods.take()
        yield one


@pytest.fixture
def items(tmp_path: Path) -> tuple[Item, ...]:
    for n in range(60):
        write(tmp_path / ("one" if n % 2 else "two") / f"{n}.png", picture(n))
    found = discover([str(tmp_path)])
    return label(found, known=["one", "two"], from_folders=True).items


def stored(client: Client, target: Target) -> list[str]:
    found = client.get(Call("GET", target.at("inputs"), {"page": 1, "per_page": 1000}))
    return sorted(one["id"] for one in found["inputs"])


def test_there_and_back(
    client: Client, target: Target, methods: Methods, items: tuple[Item, ...], tmp_path: Path
) -> None:
    clip = discover([write(tmp_path / "clip.mp4", video())]).items
    report = add(client, target, (*items, *clip))
    assert report.added == (*items, *clip)
    assert [note.rpartition("/")[2] for note in report.notes] == [
        "clip.mp4: sent as a video, which the sandbox stores but does not process"
    ]
    # One look at which ids are there, one request of images, one of the video.
    assert methods.take() == ["GET", "POST", "POST"]
    waited = wait(client, target, items, timeout=300)
    assert {item.id for item in waited.processed} == {item.id for item in items}
    assert stored(client, target) == sorted(report.ids)

    labels = {
        found.input_id: found.concepts
        for found in read_annotations(client, target, include_input_level=True)
        if found.input_level
    }
    assert [labels[item.id] for item in items] == [((item.concepts[0], 1.0),) for item in items]
    assert [found for found in read_annotations(client, target) if found.input_level] == []

    methods.take()
    again = add(client, target, items)
    assert again.present == items
    assert (again.added, again.notes) == ((), ())
    assert methods.take() == ["GET"]


FAULTS = {
    "dropped before": Fault(method="POST", path="inputs", drop="before", times=2),
    "dropped after": Fault(method="POST", path="inputs", drop="after"),
    "cut off": Fault(method="POST", path="inputs", cut=True),
    "fault of the service": Fault(method="POST", path="inputs", status=500, code=98004),
    "page of a proxy": Fault(method="POST", path="inputs", status=502, html=True),
    "throttled": Fault(method="POST", path="inputs", status=429, code=11005, retry_after=0.01),
    "half refused": Fault(method="POST", path="inputs", mixed=True),
    "reads fail": Fault(method="GET", path="inputs", status=503, html=True, times=3),
    "stale reads": Fault(method="POST", path="inputs", drop="after", stale_reads=1),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("atomic", [False, True], ids=["each", "whole"])
def test_no_fault_doubles_or_loses_an_input(
    fault: Fault, atomic: bool, items: tuple[Item, ...]
) -> None:
    target = Target("sandbox-user", APP)
    behaviour = Behaviour(input_batch_is_atomic=atomic)
    with Sandbox(seed=1, behaviour=behaviour) as sandbox, connect(sandbox) as client:
        client.send(Call("POST", f"{target.user_path}/apps", body={"apps": [{"id": APP}]}))
        sandbox.inject(fault)
        first = add(client, target, items, sleep=hurry)
        assert first.stopped is None
        assert {item.id for item in first.added} <= set(stored(client, target))
        sandbox.clear_faults()
        second = add(client, target, items, sleep=hurry)
        assert sorted(second.ids) == sorted(item.id for item in items)
        assert stored(client, target) == sorted(item.id for item in items)


def test_a_batch_with_one_duplicate_taken_whole_or_not_at_all(items: tuple[Item, ...]) -> None:
    """The id is hidden from the first look, as if someone else had sent it just now."""
    target = Target("sandbox-user", APP)
    behaviour = Behaviour(input_batch_is_atomic=True)
    with Sandbox(seed=1, behaviour=behaviour) as sandbox, connect(sandbox) as client:
        client.send(Call("POST", f"{target.user_path}/apps", body={"apps": [{"id": APP}]}))
        sandbox.inject(Fault(method="POST", path="inputs", latency_ms=1, stale_reads=1))
        add(client, target, items[:1], sleep=hurry)
        report = add(client, target, items, sleep=hurry)
        assert report.failed == ()
        assert sorted(report.ids) == sorted(item.id for item in items)
        assert stored(client, target) == sorted(item.id for item in items)


def test_an_image_that_cannot_be_read_fails_when_it_is_processed(
    client: Client, target: Target, tmp_path: Path
) -> None:
    torn = write(tmp_path / "torn.png", picture()[:40] + b"torn")
    items = discover([torn, write(tmp_path / "whole.png", picture(1))]).items
    assert add(client, target, items).added == items
    report = wait(client, target, items, timeout=300)
    assert [item.source for item in report.processed] == [str(tmp_path / "whole.png")]
    assert [problem.source for problem in report.failed] == [torn]
    assert "(code 30" in report.failed[0].reason


def test_an_unknown_app(client: Client, target: Target, items: tuple[Item, ...]) -> None:
    report = add(client, Target(target.user_id, "nobody"), items)
    assert isinstance(report.stopped, NotFoundError)
    assert report.stopped.request_id
    assert report.unsent == len(items)


def test_a_wrong_token(sandbox: Sandbox, target: Target, items: tuple[Item, ...]) -> None:
    with connect(sandbox, token="wrong-fedcba9876543210") as client:
        report = add(client, target, items)
    assert isinstance(report.stopped, AuthenticationError)
    assert "fedcba" not in str(report.stopped)
    assert "CLARIFAI_PAT" in report.stopped.hint
