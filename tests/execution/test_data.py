from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from execution.app import PATH, TARGET, App, content, dropped, failing, half, lost
from execution.pictures import picture, video, write
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.api.protocol import Writer
from reconciler.errors import (
    ApiError,
    AuthenticationError,
    DuplicateError,
    NotFoundError,
    PermissionDeniedError,
    TransportError,
)
from reconciler.execution import data
from reconciler.execution.data import AddReport, add, wait
from reconciler.execution.media import MediaKind
from reconciler.execution.sources import Item, discover, label


def urls(count: int, concepts: tuple[str, ...] = ()) -> list[Item]:
    return [
        Item(f"{n:032x}", f"https://h.example/{n}.jpg", MediaKind.IMAGE, concepts=concepts)
        for n in range(count)
    ]


def add_to(app: App, items: Sequence[Item], **options: Any) -> AddReport:
    """Adds without sleeping and checks that nothing is lost or counted twice."""
    writer: Writer = app
    report = add(writer, TARGET, items, **{"sleep": lambda seconds: None, **options})
    counted = len(report.added) + len(report.present) + len(report.failed) + report.unsent
    assert counted == len(items)
    assert {item.id for item in report.added} <= app.inputs.keys()
    return report


# --- add --------------------------------------------------------------------------------------


def test_what_is_sent(tmp_path: Path) -> None:
    found = discover(
        [
            write(tmp_path / "a.png", picture()),
            write(tmp_path / "c.mp4", video()),
            "https://example.org/d.jpg",
        ]
    )
    items = label(found, known=["one", "two"], concepts=["one", "two"]).items
    app = App()
    report = add_to(app, items)
    assert report.added == items
    labels = [{"id": "one", "value": 1}, {"id": "two", "value": 1}]
    sent = [one["data"] for call in app.writes for one in call.body["inputs"]]
    assert all(one.pop("concepts") == labels for one in sent)
    assert [next(iter(one)) for one in sent] == ["image", "video", "image"]
    assert sent[2] == {"image": {"url": "https://example.org/d.jpg", "allow_duplicate_url": True}}
    assert [content(app.inputs[item.id]) for item in items] == [
        picture(),
        video(),
        "https://example.org/d.jpg",
    ]
    # A video travels alone.
    assert [len(call.body["inputs"]) for call in app.writes] == [1, 1, 1]
    assert report.notes == (
        f"{tmp_path}/c.mp4: sent as a video, which the sandbox stores but does not process",
    )


def test_a_text_goes_as_it_is(tmp_path: Path) -> None:
    found = discover(
        [
            write(tmp_path / "plain.txt", "Grüße\n".encode()),
            write(tmp_path / "marked.txt", "\ufeffGrüße".encode()),
            write(tmp_path / "blank.txt", b" \n"),
            write(tmp_path / "late.txt", b"x" * 300_000 + b"\xe9 later"),
        ]
    )
    app = App()
    report = add_to(app, found.items)
    assert [one["data"] for call in app.writes for one in call.body["inputs"]] == [
        {"text": {"raw": "Grüße\n"}},
        {"text": {"raw": "Grüße"}},
    ]
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in report.failed] == [
        "blank.txt: the text is blank",
        "late.txt: no UTF-8 text: byte 300000 fits nowhere",
    ]


def test_no_labels_no_concepts() -> None:
    app = App()
    add_to(app, urls(1))
    assert "concepts" not in app.writes[0].body["inputs"][0]["data"]


def test_a_rerun_sends_nothing() -> None:
    app = App()
    items = urls(300)
    assert len(add_to(app, items).added) == 300
    assert [len(call.body["inputs"]) for call in app.writes] == [128, 128, 44]
    app.writes.clear()
    app.reads.clear()
    report = add_to(app, items)
    assert report.present == tuple(items)
    assert report.added == ()
    assert app.writes == []
    assert len(app.reads) == 3
    assert report.ids == tuple(item.id for item in items)


def test_nothing_to_add() -> None:
    app = App()
    assert add_to(app, []) == AddReport((), (), ())
    assert app.reads == app.writes == []


def test_only_what_is_missing_is_sent() -> None:
    app = App()
    items = urls(200)
    add_to(app, items[50:150])
    app.writes.clear()
    report = add_to(app, items)
    assert report.present == tuple(items[50:150])
    assert report.added == (*items[:50], *items[150:])
    assert [one["id"] for one in app.writes[0].body["inputs"]] == [item.id for item in report.added]


def test_labels_of_what_is_there_are_left_alone_and_said() -> None:
    app = App()
    add_to(app, urls(3, ("one",)))
    add_to(app, urls(4)[3:])
    before = {name: one["data"] for name, one in app.inputs.items()}
    report = add_to(app, urls(4, ("one",)))
    assert report.notes == (
        "1 input is already there without a label asked for now: "
        "the labels of existing inputs are not changed",
    )
    assert {name: one["data"] for name, one in app.inputs.items()} == before
    assert add_to(app, urls(3, ("one",))).notes == ()


def test_what_is_there_but_failed_is_said() -> None:
    app = App(fate={urls(2)[0].id: 30002})
    add_to(app, urls(2))
    wait(app, TARGET, urls(2), timeout=5, sleep=lambda seconds: None)
    assert add_to(app, urls(2)).notes == ("1 input is already there, but could not be processed",)


def test_requests_are_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "BATCH_BYTES", 10_000)
    for n in range(8):
        write(tmp_path / f"{n}.png", picture(n) + bytes(3000))
    write(tmp_path / "9.png", picture(9) + bytes(20_000))
    app = App()
    add_to(app, discover([str(tmp_path)]).items)
    # 3,0xx bytes are 4,1xx of base64: two fit; the large one goes alone.
    assert [len(call.body["inputs"]) for call in app.writes] == [2, 2, 2, 2, 1]


def test_memory_holds_one_batch(tmp_path: Path) -> None:
    for n in range(24):
        write(tmp_path / f"{n}.png", picture(n) + bytes(2_000_000))
    items = discover([str(tmp_path)]).items
    app = App()
    app.accept = lambda call: {  # type: ignore[method-assign]
        "inputs": [{"id": one["id"], "status": {"code": 30001}} for one in call.body["inputs"]]
    }
    app.send = app.accept  # type: ignore[method-assign]
    tracemalloc.start()
    try:
        report = add(app, TARGET, items)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(report.added) == 24
    # 24 files are 64 MB of base64; a batch has 16 MB, and one file is read beside it.
    assert peak < 28_000_000


def test_items_that_fail_alone() -> None:
    items = urls(4)
    app = App(refused={items[1].id: 30106, items[3].id: 30101})
    report = add_to(app, items)
    assert report.added == (items[0], items[2])
    assert [str(problem) for problem in report.failed] == [
        "https://h.example/1.jpg: Bad: it is 30106 (code 30106)",
        "https://h.example/3.jpg: Bad: it is 30101 (code 30101)",
    ]
    assert len(app.writes) == 1


def test_a_batch_that_is_taken_whole_or_not_at_all() -> None:
    items = urls(5)
    app = App(refused={items[1].id: 30106}, atomic=True)
    report = add_to(app, items)
    assert report.added == (items[0], *items[2:])
    assert [problem.source for problem in report.failed] == [items[1].source]
    assert len(app.writes) == 2


def test_a_batch_that_fails_for_no_own_reason_is_not_repeated() -> None:
    app = App(refused={item.id: 10020 for item in urls(3)})
    report = add_to(app, urls(3))
    assert len(report.failed) == 3
    assert len(app.writes) == 1


def test_someone_else_was_quicker() -> None:
    items = urls(3)
    app = App()

    def meanwhile(app: App, call: Any) -> Any:
        app.inputs[items[1].id] = {"id": items[1].id, "status": {"code": 30000}, "looks": 0}
        return app.accept(call)

    app.mishaps = [meanwhile]
    report = add_to(app, items)
    assert report.added == (items[0], items[2])
    assert report.present == (items[1],)


@pytest.mark.parametrize(
    ("mishaps", "writes"),
    [
        pytest.param([lost], 1, id="answer lost"),
        pytest.param([dropped], 2, id="request lost"),
        pytest.param([half], 2, id="half of it"),
        pytest.param([dropped, half, lost], 3, id="one after the other"),
    ],
)
def test_an_unclear_outcome_is_read_back(mishaps: list[Any], writes: int) -> None:
    app = App(mishaps=list(mishaps))
    slept: list[float] = []
    report = add_to(app, urls(10), sleep=slept.append)
    assert {item.id for item in report.added} == {item.id for item in urls(10)}
    assert report.present == ()
    assert report.stopped is None
    assert len(app.writes) == writes
    assert len(slept) == len(mishaps)
    assert slept == sorted(slept)


def test_a_stale_read_after_a_lost_answer() -> None:
    """The read back shows nothing, the second try is a duplicate: it was ours all the same."""
    app = App()
    hidden: dict[str, Any] = {}

    def hide(app: App, call: Any) -> Any:
        app.accept(call)
        hidden.update(app.inputs)
        app.inputs.clear()
        return dropped(app, call)

    def show(app: App, call: Any) -> Any:
        app.inputs.update(hidden)
        return app.accept(call)

    app.mishaps = [hide, show]
    report = add_to(app, urls(3))
    assert report.added == tuple(urls(3))


def test_an_outage_stops_the_sending_and_says_what_is_left() -> None:
    items = urls(300)
    app = App()
    app.mishaps = [App.accept, *[dropped] * 10]  # type: ignore[list-item]
    report = add_to(app, items)
    assert report.added == tuple(items[:128])
    assert isinstance(report.stopped, TransportError)
    assert report.unsent == 172
    assert len(app.writes) == 1 + data.ROUNDS


@pytest.mark.parametrize(
    ("kind", "http"),
    [(AuthenticationError, 401), (PermissionDeniedError, 403), (NotFoundError, 404)],
)
def test_a_refusal_that_concerns_everything(kind: type[ApiError], http: int) -> None:
    app = App(mishaps=[failing(kind, http)])
    report = add_to(app, urls(200))
    assert isinstance(report.stopped, kind)
    assert (report.added, report.failed, report.unsent) == ((), (), 200)
    assert len(app.writes) == 1


def test_an_app_that_is_not_there() -> None:
    app = App(read_error=NotFoundError("gone", method="GET", path=PATH, http_status=404))
    report = add_to(app, urls(2))
    assert isinstance(report.stopped, NotFoundError)
    assert app.writes == []


@pytest.mark.parametrize("http", [400, 413])
def test_a_refusal_that_concerns_one_batch(http: int) -> None:
    app = App(mishaps=[failing(ApiError, http, code=11102, hint="mind it")])
    report = add_to(app, urls(200))
    assert len(report.failed) == 128
    assert str(report.failed[0]) == ("https://h.example/0.jpg: no such luck (code 11102) (mind it)")
    assert len(report.added) == 72
    assert report.stopped is None


def test_a_duplicate_that_does_not_say_which() -> None:
    items = urls(3)
    app = App()

    def meanwhile(app: App, call: Any) -> Any:
        app.inputs[items[1].id] = {"id": items[1].id, "status": {"code": 30000}, "looks": 0}
        return failing(DuplicateError, 400, code=40010)(app, call)

    app.mishaps = [meanwhile]
    report = add_to(app, items)
    assert report.added == (items[0], items[2])
    assert report.present == (items[1],)


def test_duplicates_without_end() -> None:
    app = App(mishaps=[failing(DuplicateError, 400, code=40010)] * 10)
    report = add_to(app, urls(3))
    assert len(report.failed) == 3
    assert len(app.writes) == data.ROUNDS


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda inputs: [{**one, "id": ""} for one in inputs], id="without ids"),
        pytest.param(lambda inputs: list(reversed(inputs)), id="in another order"),
        pytest.param(lambda inputs: [{"id": one["id"]} for one in inputs], id="without status"),
    ],
)
def test_answers_of_other_shapes(shape: Any) -> None:
    def odd(app: App, call: Any) -> Any:
        return {"inputs": shape(app.accept(call)["inputs"])}

    report = add_to(App(mishaps=[odd]), urls(5))
    assert report.added == tuple(urls(5))


def test_items_that_the_answer_leaves_out_are_asked_for_again() -> None:
    def short(app: App, call: Any) -> Any:
        return {"inputs": app.accept(call)["inputs"][:2]}

    app = App(mishaps=[short])
    report = add_to(app, urls(5))
    assert {item.id for item in report.added} == {item.id for item in urls(5)}
    assert len(app.writes) == 2


def test_an_answer_that_never_names_an_item() -> None:
    def silent(app: App, call: Any) -> Any:
        return {}

    app = App(mishaps=[silent] * 10)
    report = add_to(app, urls(2))
    assert [problem.reason for problem in report.failed] == [
        "the service says neither yes nor no to it"
    ] * 2
    assert len(app.writes) == data.ROUNDS


def test_a_file_that_vanished_is_left_out(tmp_path: Path) -> None:
    gone = write(tmp_path / "gone.png", picture(1))
    items = discover([gone, write(tmp_path / "here.png", picture(2))]).items
    Path(gone).unlink()
    report = add_to(App(), items)
    assert [str(problem) for problem in report.failed] == [f"{gone}: no such file or directory"]
    assert report.added == items[1:]


def test_an_unlisted_format_is_sent_with_a_note(tmp_path: Path) -> None:
    source = write(tmp_path / "a.mp3", b"ID3" + bytes(50))
    assert add_to(App(), discover([source]).items).notes == (
        f"{source}: MP3 is not among the formats the platform lists",
    )


def test_progress_of_adding() -> None:
    told: list[tuple[int, int]] = []
    app = App()
    add_to(app, urls(10))
    add_to(app, urls(300), on_progress=lambda done, total: told.append((done, total)))
    assert told == [(10, 300), (138, 300), (266, 300), (300, 300)]


@settings(max_examples=200)
@given(
    script=st.lists(st.sampled_from([lost, dropped, half, App.accept]), max_size=12),
    bad=st.sets(st.integers(0, 259), max_size=5),
    there=st.sets(st.integers(0, 259), max_size=30),
    atomic=st.booleans(),
)
def test_whatever_goes_wrong_every_input_has_one_fate_and_a_rerun_completes(
    script: list[Any], bad: set[int], there: set[int], atomic: bool
) -> None:
    items = urls(260)
    app = App(refused={items[n].id: 30106 for n in bad}, atomic=atomic)
    for n in there - bad:
        add_to(app, [items[n]])
    app.mishaps = list(script)
    first = add_to(app, items)
    app.mishaps = []
    second = add_to(app, items)
    fates = [item.id for item in (*second.added, *second.present)]
    assert sorted(fates) == [item.id for n, item in enumerate(items) if n not in bad]
    assert len(fates) == len(set(fates))
    assert {item.id for item in first.added} <= {item.id for item in second.present}
    assert second.stopped is None


# --- wait -------------------------------------------------------------------------------------


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


def wait_for(app: App, items: Sequence[Item], timeout: float = 30, **options: Any) -> Any:
    time = options.pop("time", Time())
    return wait(app, TARGET, items, timeout=timeout, sleep=time.sleep, clock=time.clock, **options)


def test_waiting_until_all_are_processed() -> None:
    app = App(looks=2)
    items = urls(300)
    add_to(app, items)
    app.reads.clear()
    told: list[int] = []
    report = wait_for(app, items, on_progress=lambda done, total: told.append(done))
    assert {item.id for item in report.processed} == {item.id for item in items}
    assert (report.failed, report.pending) == ((), ())
    assert told == sorted(told)
    assert told[-1] == 300
    assert len(app.reads) <= 3 * 3


def test_nothing_to_wait_for() -> None:
    app = App()
    assert wait_for(app, []) == data.WaitReport((), (), ())
    assert app.reads == []


def test_failures_are_reported_with_their_status() -> None:
    items = urls(4)
    app = App(fate={items[0].id: 30002, items[2].id: 30106})
    add_to(app, items)
    report = wait_for(app, items)
    assert report.processed == (items[1], items[3])
    assert [str(problem) for problem in report.failed] == [
        "https://h.example/0.jpg: Download failed (code 30002)",
        "https://h.example/2.jpg: ? (code 30106)",
    ]


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        (30000, "processed"),
        ("30000", "processed"),
        ("INPUT_SUCCESS", "processed"),
        ("INPUT_DOWNLOAD_SUCCESS", "processed"),
        (30500, "processed"),
        (30001, "pending"),
        ("INPUT_PENDING", "pending"),
        (30003, "pending"),
        ("INPUT_DOWNLOAD_FAILED", "failed"),
        ("INPUT_SOMETHING_NEW", "failed"),
        (39996, "failed"),
    ],
)
def test_spellings_of_an_input_status(code: Any, fate: str) -> None:
    (item,) = urls(1)
    app = App(inputs={item.id: {"id": item.id, "status": {"code": code}, "looks": 0}}, looks=999)
    report = wait_for(app, [item], timeout=1)
    assert len(getattr(report, fate)) == 1


def test_a_stuck_input_does_not_hold_up_the_others() -> None:
    items = urls(200)
    app = App(fate={item.id: 30001 for item in items[:128]})
    add_to(app, items)
    time = Time()
    report = wait_for(app, items, timeout=20, time=time)
    assert {item.id for item in report.processed} == {item.id for item in items[128:]}
    assert {item.id for item in report.pending} == {item.id for item in items[:128]}
    assert time.now == pytest.approx(20)
    assert max(time.slept) == 2.0
    assert len(app.reads) < 40


def test_time_that_is_up_at_once_still_asks_once() -> None:
    items = urls(300)
    app = App()
    add_to(app, items)
    wait_for(app, items, timeout=0)
    report = wait_for(app, items, timeout=0)
    assert len(report.processed) == 300


def test_an_input_that_disappeared_stays_pending() -> None:
    items = urls(2)
    app = App()
    add_to(app, items[:1])
    report = wait_for(app, items, timeout=3)
    assert report.processed == (items[0],)
    assert report.pending == (items[1],)


def test_waiting_raises_what_reading_raises() -> None:
    app = App(read_error=AuthenticationError("no", method="GET", path=PATH))
    with pytest.raises(AuthenticationError):
        wait_for(app, urls(1))
