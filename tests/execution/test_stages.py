"""What runs side by side follows from the plan alone."""

from __future__ import annotations

import pytest
from plan_cases import KINDS

from reconciler.address import Address
from reconciler.execution.stages import stages
from reconciler.planning.change import Action, Change, ChangeClass, Operation


def operation(text: str, *requires: Operation) -> Operation:
    """``create model.m``, after others."""
    action, _, name = text.partition(" ")
    address = Address.parse(name)
    change = Change(
        address, Action(action), ChangeClass.METADATA, "", KINDS[address.kind].rank, None, None
    )
    return Operation(change, tuple(one.key for one in requires))


APP = operation("create app")
CAT = operation("create concept.cat", APP)
NEW = operation("create model.new", APP)
OTHER = operation("update model.other")
TRAIN = operation("train model.new", NEW)
NEXT = operation("update workflow.next", OTHER)
FREE = operation("update workflow.free")
TRAINED = operation("update workflow.trained", TRAIN)
SWITCH = operation("set_default app.default_workflow", NEXT)
FORMER = operation("update workflow.former", SWITCH)
GONE = operation("delete workflow.gone", SWITCH)
USED = operation("delete model.used", GONE)
UNUSED = operation("delete model.unused")
EDGE = operation("delete relation.a.synonym.b")


@pytest.mark.parametrize(
    ("planned", "parts"),
    [
        pytest.param((), (), id="nothing"),
        pytest.param(
            (APP, CAT, NEW, OTHER, NEXT, FREE),
            ((APP,), (CAT,), (NEW, OTHER), (NEXT, FREE)),
            id="one kind after the other, whatever each waits for",
        ),
        pytest.param(
            (NEW, OTHER, TRAIN, NEXT, TRAINED, SWITCH),
            ((NEW, OTHER), (NEXT,), (SWITCH,), (TRAIN, TRAINED)),
            id="nothing waits for a training that does not need it",
        ),
        pytest.param(
            (NEXT, SWITCH, FORMER),
            ((NEXT,), (SWITCH, FORMER)),
            id="never before what is required, of a later kind though it be",
        ),
        pytest.param(
            (GONE, UNUSED, USED, EDGE),
            ((GONE,), (UNUSED, USED), (EDGE,)),
            id="deletes backwards",
        ),
    ],
)
def test_stages(planned: tuple[Operation, ...], parts: tuple[tuple[Operation, ...], ...]) -> None:
    assert stages(planned) == parts
