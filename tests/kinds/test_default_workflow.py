"""The switch of a default workflow, request by request, where the app names a version of it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.call import Call, Target
from reconciler.conversation import Write
from reconciler.kind import Job
from reconciler.kinds.default_workflow import KIND
from reconciler.values import Mark

TARGET = Target("alice", "app")


def app(version: str) -> dict[str, Any]:
    """The app's answer; without a version the newest one runs."""
    named = {"id": "flow", "user_id": "alice", "app_id": "app"}
    pin = {"version": {"id": version}} if version else {}
    return {"app": {"id": "app", "description": "Of cats", "default_workflow": {**named, **pin}}}


def to_the_newest(pinned: str, **more: Any) -> Job:
    """The manifest wants the workflow that is the default, and the plan saw it pinned."""
    (live,) = KIND.read(app(pinned), TARGET)
    (wanted,) = KIND.read(app(""), TARGET)
    return Job(TARGET, Mark("app"), wanted, live, read_back_timeout=0.0, **more)


def test_the_switch_names_no_version() -> None:
    switch = KIND.update(to_the_newest("v1"))
    assert next(switch) == Call("GET", "/v2/users/alice/apps/app")
    write = switch.send(app("v1"))
    assert isinstance(write, Write)
    (sent,) = write.call.body["apps"]
    assert sent["default_workflow"] == {"id": "flow", "user_id": "alice", "app_id": "app"}
    assert sent["description"] == "Of cats"


@pytest.mark.parametrize(("shown", "found"), [("v1", False), ("", True), ("v2", True)])
def test_it_is_done_once_the_version_of_before_is_shown_no_more(shown: str, found: bool) -> None:
    switch = KIND.update(to_the_newest("v1"))
    next(switch)
    write = switch.send(app("v1"))
    assert isinstance(write, Write)
    look = write.find()
    next(look)
    with pytest.raises(StopIteration) as ended:
        look.send(app(shown))
    assert (ended.value.value is not None) is found


def test_a_service_that_follows_the_newest_version_by_itself_is_sent_nothing() -> None:
    switch = KIND.update(to_the_newest("v1"))
    next(switch)
    assert switch.send(app("v2")) == Call("GET", "/v2/users/alice/apps/app/workflows/flow")
    with pytest.raises(StopIteration) as ended:
        switch.send({"workflow": {"id": "flow", "version": {"id": "v2"}}})
    assert ended.value.value == {}


def test_what_somebody_pinned_since_the_plan_is_switched_like_any_other() -> None:
    switch = KIND.update(to_the_newest("v1"))
    next(switch)
    switch.send(app("v0"))
    write = switch.send({"workflow": {"id": "flow", "version": {"id": "v2"}}})
    assert isinstance(write, Write)
    assert "version" not in write.call.body["apps"][0]["default_workflow"]


def test_a_rehearsal_shows_the_switch() -> None:
    assert isinstance(next(KIND.update(to_the_newest("v1", rehearsal=True))), Write)
