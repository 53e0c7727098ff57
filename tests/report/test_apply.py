"""What a person sees while an apply runs, and what stands at its end."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from plan_cases import KINDS, World, people, with_

from reconciler.address import Address
from reconciler.conversation import OperationError
from reconciler.errors import ApiError, ReconcilerError
from reconciler.execution.outcome import Outcome, Status
from reconciler.execution.run import Limits, run
from reconciler.planning.change import Action, Change, ChangeClass, FieldChange, Key, Operation
from reconciler.report.apply import (
    Progress,
    render_not_converged,
    render_outcomes,
    render_outcomes_json,
)
from reconciler.resource import NewVersion, Resource, ReuseVersion, VersionChoice

AGAIN = (
    "Run the same apply again: it goes on from what is there, and nothing is done twice. "
    "(A plan file is stale by now: plan again.)\n"
)
VERSION = "5b1d2c03" * 4


def operation(
    action: str,
    address: str,
    *,
    version: VersionChoice | None = None,
    fields: tuple[FieldChange, ...] = (),
    configuration: Mapping[str, Any] | None = None,
) -> Operation:
    where = Address.parse(address)
    desired = Resource(where, {}, configuration)
    change = Change(
        where, Action(action), ChangeClass.ROUTING, "why", 1, desired, None, fields, version
    )
    return Operation(change, ())


def ended(
    action: str,
    address: str,
    status: Status = Status.DONE,
    *,
    error: ReconcilerError | None = None,
    cause: str = "",
    **learnt: str,
) -> Outcome:
    key = None
    if cause:
        verb, _, name = cause.partition(" ")
        key = Key(Action(verb), Address.parse(name))
    return Outcome(operation(action, address), status, learnt, error, key)


def refused(request_id: str = "0f" * 4, message: str = "Invalid model argument") -> ApiError:
    return ApiError(
        message,
        method="POST",
        path="/v2/users/alice/apps/people/models/confident/versions",
        http_status=400,
        code=21202,
        request_id=request_id,
        hint="look at its thresholds",
    )


# --- the report


def test_a_whole_success_counts_what_was_acknowledged() -> None:
    outcomes = [
        *(ended("create", f"concept.c{n}") for n in range(12)),
        ended("update", "model.a"),
        ended("update", "model.b"),
        ended("train", "model.digits", version=VERSION),
        ended("rename", "model.new"),
        ended("set_default", "app.default_workflow"),
        ended("delete", "model.old"),
    ]
    assert render_outcomes(outcomes) == (
        "Apply complete: 12 created, 2 updated, 1 trained, 1 renamed, 1 deleted, "
        "default workflow switched.\n"
    )


def test_nothing_to_do_is_complete() -> None:
    assert render_outcomes([]) == "Apply complete: nothing to do.\n"


def test_a_version_that_is_used_again_was_not_sent() -> None:
    threshold = FieldChange(("thresholds", "adult"), 0.9, 0.95)
    words = FieldChange(("description",), "", "words")
    again = ReuseVersion(VERSION)

    def updated(address: str, *fields: FieldChange, version: VersionChoice) -> Outcome:
        configuration = {"thresholds": {"adult": 0.95}}
        done = operation(
            "update", address, version=version, fields=fields, configuration=configuration
        )
        return Outcome(done, Status.DONE, {"version": VERSION})

    outcomes = [
        updated("model.a", threshold, version=again),
        updated("model.b", threshold, words, version=again),
        updated("model.c", threshold, version=NewVersion()),
    ]
    assert (
        render_outcomes(outcomes)
        == "Apply complete: 2 updated, 1 set back to an earlier version.\n"
    )


def test_a_failure_is_shown_whole_with_all_that_it_stopped() -> None:
    outcomes = [
        *(ended("create", f"concept.c{n}") for n in range(10)),
        ended("update", "model.confident", Status.FAILED, error=refused()),
        ended("update", "workflow.main", Status.SKIPPED, cause="update model.confident"),
        ended(
            "set_default", "app.default_workflow", Status.SKIPPED, cause="update model.confident"
        ),
        ended("delete", "model.old", Status.SKIPPED, cause="update model.confident"),
    ]
    assert render_outcomes(outcomes) == (
        "Apply incomplete: 10 done (10 created), 1 failed, 3 skipped.\n"
        "  failed   update model.confident\n"
        "           POST /v2/users/alice/apps/people/models/confident/versions "
        "(HTTP 400, code 21202, request 0f0f0f0f): Invalid model argument\n"
        "           look at its thresholds\n"
        "  skipped  update workflow.main, set_default app.default_workflow\n"
        "           needs update model.confident\n"
        "  skipped  delete model.old\n"
        "           deletes run only after all else succeeded: update model.confident\n" + AGAIN
    )


def test_what_was_in_flight_is_said_to_be_unknown() -> None:
    outcomes = [
        ended("create", "concept.a"),
        ended("create", "model.b", Status.UNKNOWN),
        ended("create", "workflow.c", Status.STOPPED),
    ]
    assert render_outcomes(outcomes) == (
        "Apply incomplete: 1 done (1 created), 1 unknown, 1 stopped.\n"
        "  unknown  create model.b\n"
        "           its request was on its way when this was broken off: it may be done, or not\n"
        "  stopped  create workflow.c\n"
        "           not carried out, or only in part\n" + AGAIN
    )


def test_failures_of_one_cause_are_told_once() -> None:
    outcomes = [
        ended("create", f"concept.c{n:03}", Status.FAILED, error=refused(f"{n:08x}", "Too long"))
        for n in range(500)
    ]
    outcomes.append(ended("train", "model.d", Status.FAILED, error=OperationError("no inputs")))
    text = render_outcomes(outcomes)
    assert text.startswith("Apply incomplete: 0 done, 501 failed.\n")
    assert text.count("Too long") == 1
    assert text.count("no inputs") == 1
    assert "create concept.c000, create concept.c001, " in text
    assert re.search(r"… and \d+ more\n", text)
    assert len(text.splitlines()) < 10


def test_a_hostile_answer_paints_nothing() -> None:
    error = refused(message="\x1b[2Jgone\r\u202e")
    text = render_outcomes([ended("create", 'concept."\\u001b[31m"', Status.FAILED, error=error)])
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text) is None
    assert "\x1b[31m" in render_outcomes(
        [ended("create", "concept.a", Status.FAILED, error=error)], color=True
    )


def test_what_did_not_converge_is_named_with_both_values() -> None:
    fields = (
        FieldChange(("thresholds", "a b"), 0.95, 0.9),
        FieldChange(("description",), "", "words here"),
    )
    changes = [
        operation("update", "model.a", fields=fields).change,
        operation("create", "concept.b", fields=fields).change,
    ]
    assert render_not_converged(changes) == (
        'did not converge: model.a thresholds."a b": wanted 0.9, the live app has 0.95\n'
        'did not converge: model.a description: wanted "words here", the live app has (none)\n'
        "did not converge: concept.b: still to create (why)\n"
    )
    assert render_not_converged([]) == ""


def test_json_has_every_outcome_in_full() -> None:
    outcomes = [
        ended("update", "model.a", version=VERSION),
        ended("update", "model.b", Status.FAILED, error=refused()),
        ended("train", "model.c", Status.FAILED, error=OperationError("no", hint="label")),
        ended("update", "workflow.d", Status.SKIPPED, cause="update model.b"),
    ]
    assert json.loads(render_outcomes_json(outcomes)) == {
        "complete": False,
        "counts": {"done": 1, "failed": 2, "skipped": 1, "stopped": 0, "unknown": 0},
        "outcomes": [
            {
                "address": "model.a",
                "action": "update",
                "status": "done",
                "learnt": {"version": VERSION},
            },
            {
                "address": "model.b",
                "action": "update",
                "status": "failed",
                "error": {
                    "message": "Invalid model argument",
                    "hint": "look at its thresholds",
                    "method": "POST",
                    "path": "/v2/users/alice/apps/people/models/confident/versions",
                    "http_status": 400,
                    "code": 21202,
                    "request_id": "0f0f0f0f",
                },
            },
            {
                "address": "model.c",
                "action": "train",
                "status": "failed",
                "error": {"message": "no", "hint": "label"},
            },
            {
                "address": "workflow.d",
                "action": "update",
                "status": "skipped",
                "cause": {"address": "model.b", "action": "update"},
            },
        ],
        "not_converged": [],
    }


def test_json_is_complete_only_if_the_app_took_it() -> None:
    done = [ended("update", "model.a")]
    left = [
        operation("update", "model.a", fields=(FieldChange(("name",), "x", "y"),)).change,
        operation("create", "concept.b").change,
    ]
    assert json.loads(render_outcomes_json(done))["complete"] is True
    document = json.loads(render_outcomes_json(done, left))
    assert document["complete"] is False
    assert document["not_converged"] == [
        {"address": "model.a", "action": "update", "path": "name", "before": "x", "after": "y"},
        {"address": "concept.b", "action": "create"},
    ]
    assert json.loads(render_outcomes_json((), ()))["complete"] is True


# --- progress


class Screen:
    """A terminal of one line that is rewritten and lines that stay; refuses any other control."""

    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self.seen: list[str] = []
        self.now = 0.0

    def write(self, text: str) -> None:
        for piece in re.split(r"(\r\x1b\[K|\n)", text):
            if piece == "\r\x1b[K":
                self.lines[-1] = ""
            elif piece == "\n":
                self.lines.append("")
            else:
                assert piece.isprintable()
                self.lines[-1] += piece
        self.seen.append(self.lines[-1])

    def progress(self, *, interactive: bool = True, color: bool = False) -> Progress:
        return Progress(
            self.write, interactive=interactive, color=color, clock=lambda: self.now, width=60
        )


def test_without_a_terminal_there_is_silence() -> None:
    screen = Screen()
    progress = screen.progress(interactive=False)
    outcome = ended("create", "concept.a")
    progress.started(outcome.operation)
    progress.waiting(outcome.operation, "text", 1.0)
    progress.finished(outcome)
    progress.close()
    assert screen.seen == []


def test_a_line_for_each_that_ends() -> None:
    screen = Screen()
    progress = screen.progress()
    first, second = ended("update", "model.a", version=VERSION), ended("create", "concept.b")
    third = ended("create", "model.c", Status.FAILED, error=refused())
    for outcome in (first, second, third):
        progress.started(outcome.operation)
    screen.now = 0.4
    progress.finished(first)
    screen.now = 62.0
    progress.finished(second)
    progress.finished(third)
    assert screen.lines == [
        "  ~ model.a  updated (version 5b1d2c03…)  0.4 s",
        "  + concept.b  created  1 min 2 s",
        "  x model.c  failed  POST /v2/users/alice/apps/people/models/confident/versions "
        "(HTTP 400, code 21202, request 0f0f0f0f): Invalid model argument",
        "",
    ]


def test_training_is_one_line_that_is_rewritten() -> None:
    screen = Screen()
    progress = screen.progress()
    outcome = ended("train", "model.digits", version=VERSION)
    progress.started(outcome.operation)
    for seconds, text in ((0.0, "Model is queued"), (12.0, "Model is training"), (13.0, "\x1b[2J")):
        screen.now = seconds
        progress.waiting(outcome.operation, text, seconds)
        assert len(screen.lines) == 1
    assert screen.seen[-3:] == [
        "  model.digits  training… 0 s  Model is queued",
        "  model.digits  training… 12 s  Model is training",
        "  model.digits  training… 13 s  \ufffd[2J",
    ]
    progress.finished(outcome)
    assert screen.lines == ["  * model.digits  trained (version 5b1d2c03…)  13.0 s", ""]


def test_many_of_a_kind_are_counted() -> None:
    screen = Screen()
    progress = screen.progress()
    outcomes = [ended("create", f"concept.c{n}") for n in range(1000)]
    for outcome in outcomes:
        progress.started(outcome.operation)
    for index, outcome in enumerate(outcomes):
        screen.now = index / 500
        progress.finished(outcome)
    assert screen.lines == ["  + 1,000 concepts  created  2.0 s", ""]
    assert len(screen.seen) < 60
    assert any("done; " in line and "under way" in line for line in screen.seen)


def test_the_rewritten_line_never_wraps() -> None:
    screen = Screen()
    progress = screen.progress()
    outcome = ended("train", "model." + "x" * 100)
    progress.started(outcome.operation)
    screen.now = 1.0
    progress.waiting(outcome.operation, "text", 1.0)
    assert max(map(len, screen.seen)) < 60


def test_when_broken_off_nothing_half_written_stays() -> None:
    screen = Screen()
    progress = screen.progress()
    outcomes = [ended("create", f"concept.c{n}") for n in range(30)]
    for outcome in outcomes:
        progress.started(outcome.operation)
    screen.now = 1.0
    for outcome in outcomes[:25]:
        progress.finished(outcome)
    progress.close()
    progress.close()
    assert screen.lines == ["  + 25 concepts  created  1.0 s", ""]


def test_skipped_and_stopped_ones_wait_for_the_report() -> None:
    screen = Screen()
    progress = screen.progress()
    progress.finished(ended("create", "model.a", Status.SKIPPED, cause="create concept.b"))
    progress.finished(ended("create", "model.b", Status.STOPPED))
    assert screen.lines == [""]


@pytest.mark.parametrize("color", [False, True], ids=["plain", "colour"])
def test_a_real_apply_from_beginning_to_end(color: bool) -> None:
    world, screen = World(), Screen()
    written: list[str] = []
    data = with_(people(), "concepts", **{f"c{n}": None for n in range(30)})
    made = world.plan(data)
    progress = Progress(
        written.append, interactive=True, color=color, clock=lambda: screen.now, width=60
    )
    outcomes = run(
        made.operations,
        made.target,
        KINDS,
        world.platform,
        limits=Limits(parallelism=1),
        observer=progress,
    )
    progress.close()
    text = "".join(written)
    assert ("\x1b[32m" in text) is color
    screen.write(re.sub(r"\x1b\[\d+m", "", text))
    assert "  + 32 concepts  created  0.0 s" in screen.lines
    assert any(line.startswith("  + model.confident  created (version ") for line in screen.lines)
    assert screen.lines[-2:] == ["  ! app.default_workflow  made the default  0.0 s", ""]
    assert render_outcomes(outcomes) == ("Apply complete: 40 created, default workflow switched.\n")
