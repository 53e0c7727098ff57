"""Ctrl-C ends every wait: also the one that the signal itself does not interrupt."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from e2e.tool import eventually
from fake_platform import FakePlatform
from plan_cases import KINDS, World, people
from planted import PLANTED

from reconciler.api.client import Client
from reconciler.api.settings import Secret, Settings
from reconciler.api.waiting import first_done
from reconciler.call import Call, Json
from reconciler.execution.outcome import Status
from reconciler.execution.run import run

LATE = 300.0
"""Seconds after which an answer comes after all, so that a failure is no hang."""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with ThreadPoolExecutor() as threads:
        yield threads
    signal.signal(signal.SIGINT, before)


def _main_thread_waits() -> bool:
    codes, frame = [], sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        codes.append(frame.f_code)
        frame = frame.f_back
    return codes[0] is threading.Condition.wait.__code__ and first_done.__code__ in codes


class _Answer:
    """Comes when it is let go; until then the thread that waits for it has got the Ctrl-C.

    So the thread that leads is not woken, as when a signal comes right before it begins to wait.
    """

    def __init__(self) -> None:
        self.come = threading.Event()
        self.waited_for = False
        self._signalled = threading.Lock()

    def __call__(self, *_: object) -> None:
        if self._signalled.acquire(blocking=False):
            eventually(_main_thread_waits, "the wait of the main thread")
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not self.come.wait(LATE):
            self.waited_for = True


def test_a_signal_that_wakes_nobody_ends_the_wait(pool: ThreadPoolExecutor) -> None:
    answer = _Answer()
    with pytest.raises(KeyboardInterrupt):
        first_done([pool.submit(answer)])
    answer.come.set()
    assert not answer.waited_for


def test_a_signal_that_wakes_nobody_ends_the_reads_that_go_out_together(
    pool: ThreadPoolExecutor,
) -> None:
    answer = _Answer()
    refusing = Settings(base_url="http://127.0.0.1:9", token=Secret(PLANTED))
    with pytest.raises(KeyboardInterrupt), Client(refusing, sleep=answer) as client:
        client.get_all([Call("GET", "/v2/users/me"), Call("GET", "/v2/users/you")])
    answer.come.set()
    assert not answer.waited_for


def test_a_signal_that_wakes_nobody_ends_an_apply(pool: ThreadPoolExecutor) -> None:
    answer = _Answer()

    class Deaf(FakePlatform):
        def send(self, call: Call) -> Json:
            answer()
            return {}

    made = World().plan(people())
    outcomes = run(made.operations, made.target, KINDS, Deaf())
    answer.come.set()
    assert not answer.waited_for
    assert {outcome.status for outcome in outcomes} == {Status.UNKNOWN, Status.STOPPED}


def test_what_is_done_is_told_though_more_is_awaited(pool: ThreadPoolExecutor) -> None:
    never: Future[None] = Future()
    assert first_done([never, quick := pool.submit(int)]) == {quick}


@pytest.mark.parametrize("timeout", [0.0, 0.3, 0.6])
def test_nothing_is_done_when_the_time_is_up(timeout: float) -> None:
    assert first_done([Future()], timeout) == set()


def test_an_answer_after_several_looks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    answer: Future[None] = Future()

    def look(*arguments: object, **named: object) -> object:
        looks.append(arguments)
        if len(looks) == 3:
            answer.set_result(None)
        return real(*arguments, **named)  # type: ignore[arg-type]  # passed on as they came

    real = first_done.__globals__["wait"]
    monkeypatch.setattr("reconciler.api.waiting.wait", look)
    assert first_done([answer]) == {answer}
    assert len(looks) == 3
