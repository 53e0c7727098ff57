"""Which operations run side by side: a matter of the plan alone, not of which answer comes first.

What is ready together travels together. So that a plan can show its requests beforehand, what is
ready together must not depend on the weather: one kind is begun when the kind before it is through.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from reconciler.planning.change import Action, Key, Operation

Place = tuple[int, int]

_AFTER_TRAINING: Place = (1, 0)


def stages(operations: Iterable[Operation]) -> tuple[tuple[Operation, ...], ...]:
    """Operations in plan order, parted into what runs at one time; each part after the one before.

    All but deletes go forwards through the kinds, deletes backwards. A training and what waits for
    one come after what does not, so that nothing else waits for it.
    """
    places: dict[Key, Place] = {}
    parts: dict[Place, list[Operation]] = defaultdict(list)
    for operation in operations:
        earlier = (places[key] for key in operation.requires if key in places)
        places[operation.key] = place = max([_own_place(operation), *earlier])
        parts[place].append(operation)
    return tuple(tuple(parts[place]) for place in sorted(parts))


def _own_place(operation: Operation) -> Place:
    change = operation.change
    if change.action is Action.DELETE:
        return 2, -change.rank
    return _AFTER_TRAINING if change.action is Action.TRAIN else (0, change.rank)
