"""The writes of a plan without a platform: the real executor, and answers as they are when all goes well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.call import Call, Json, Listing, Target
from reconciler.errors import ApiError, NotFoundError
from reconciler.execution.delivery import Patience
from reconciler.execution.outcome import PlannedRequest
from reconciler.execution.run import Limits, run
from reconciler.kind import Kind
from reconciler.planning.change import Key, Operation
from reconciler.resource import ResourceGraph
from reconciler.values import LATER

_TRAINED: Final = {"id": LATER, "status": {"code": 21100}}


def rehearse(
    operations: Sequence[Operation],
    target: Target,
    kinds: Mapping[str, Kind],
    live: ResourceGraph,
    *,
    reindex: bool = False,
) -> tuple[PlannedRequest, ...]:
    """Every write that carrying out ``operations`` sends if nothing goes wrong."""
    found: list[PlannedRequest] = []

    def sending(keys: Sequence[Key], call: Call) -> None:
        found.append(PlannedRequest(call, tuple(keys)))

    app = next((dict(r.raw) for r in live if r.address.kind == "app"), {"id": target.app_id})
    limits = Limits(
        parallelism=1,
        reindex=reindex,
        rehearsal=True,
        patience=Patience(read_back_timeout=0.0, sleep=lambda _: None),
    )
    run(operations, target, kinds, _Stage(target, app), limits=limits, sending=sending)
    return tuple(found)


@dataclass(slots=True)
class _Stage:
    """A writer that takes every write, and knows of the app alone."""

    target: Target
    app: dict[str, Any]
    sent: list[Call] = field(default_factory=list)

    def get(self, call: Call) -> Json:
        """The app as it is, and any version as trained."""
        if call.path == self.target.path:
            return {"app": self.app}
        if "/versions/" in call.path:
            return {"model_version": _TRAINED}
        raise NotFoundError("not on this stage", method=call.method, path=call.path)

    def get_all(self, calls: Sequence[Call]) -> list[Json | ApiError]:
        """One answer a call."""
        return [self.get(call) for call in calls]

    def read_list(self, listing: Listing) -> list[Json]:
        """Nothing."""
        del listing
        return []

    def read_lists(self, listings: Sequence[Listing]) -> list[list[Json]]:
        """Nothing, for each."""
        return [[] for _ in listings]

    def send(self, call: Call) -> Json:
        """What was sent, as today's platform answers: a model without a version, a version trained."""
        self.sent.append(call)
        if call.path == f"{self.target.user_path}/apps" and "apps" in call.body:
            # what is switched later sends back the app as it is by then
            self.app = {**self.app, **call.body["apps"][0]}
        if call.path.endswith("/versions"):
            return {"model": {"model_version": _TRAINED}}
        return {name: value for name, value in call.body.items() if name != "action"}
