"""One write, or several merged into one request, carried out exactly once as far as can be known.

A write is sent again only after reading back: after an unclear answer the object is looked for
until it is found or the time is up, since nothing else tells a lost answer from a lost request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from reconciler.api.protocol import Reader, Writer
from reconciler.call import Call, Json, Listing
from reconciler.conversation import Conversation, Items, Write
from reconciler.errors import ApiError, DuplicateError, MixedError, NotFoundError
from reconciler.values import thaw

Result = TypeVar("Result")
Answer = Json | ApiError


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a write is looked for after an unclear answer, and how often it is sent anew."""

    read_back_timeout: float = 10.0
    attempts: int = 3
    interval: float = 0.25
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def deliver(writer: Writer, writes: Sequence[Write], patience: Patience) -> list[Answer]:
    """What the service acknowledged for each of ``writes``, which can share one request."""
    return _deliver(writer, list(writes), patience, patience.attempts)


def _deliver(
    writer: Writer, writes: list[Write], patience: Patience, attempts: int
) -> list[Answer]:
    call = merged(writes)
    try:
        return _split(writer.send(call), writes)
    except ApiError as error:
        if error.unclear or isinstance(error, MixedError | DuplicateError):
            # which items of a refused bulk request are there already shows once they stand alone
            found = _look_for(writer, writes, patience, wait=error.unclear or len(writes) == 1)
        elif isinstance(error, NotFoundError) and call.method == "DELETE":
            found = _look_for(writer, writes, patience, wait=False)
        else:
            found = [None for _ in writes]
        missing = [write for write, item in zip(writes, found, strict=True) if item is None]
        again = _resend(writer, missing, patience, attempts, error)
        return [
            again.pop(0) if item is None else error if isinstance(item, ApiError) else item
            for item in found
        ]


def _resend(
    writer: Writer, missing: list[Write], patience: Patience, attempts: int, error: ApiError
) -> list[Answer]:
    """What was not carried out goes out once more: whole after an unclear answer, else in halves.

    A bulk request that was refused says of no item that it is at fault, so that halves are tried
    until the culprits stand alone.
    """
    if not missing:
        return []
    if error.unclear and attempts > 1:
        return _deliver(writer, missing, patience, attempts - 1)
    if error.unclear or len(missing) == 1:
        return [error for _ in missing]
    middle = len(missing) // 2
    return [
        *_deliver(writer, missing[:middle], patience, attempts),
        *_deliver(writer, missing[middle:], patience, attempts),
    ]


def _look_for(
    reader: Reader, writes: list[Write], patience: Patience, *, wait: bool
) -> list[Answer | None]:
    """Each write's effect as it can be read back; None for what cannot be seen in time.

    The last look begins when the time is up: one that took long says nothing of the time since. An
    error where the last look had no answer: that is no sign of absence, so such a write must not be
    sent again.
    """
    found: list[Answer | None] = [None for _ in writes]
    deadline = patience.clock() + patience.read_back_timeout
    while True:
        last = not wait or patience.clock() >= deadline
        shared: dict[object, Json] = {}
        for index, write in enumerate(writes):
            if found[index] is None or isinstance(found[index], ApiError):
                found[index] = _converse(reader, write.find(), shared)
        seen = all(item is not None and not isinstance(item, ApiError) for item in found)
        if last or seen:
            return found
        patience.sleep(patience.interval)


def _converse(
    reader: Reader, conversation: Conversation[Result], shared: dict[object, Json]
) -> Result | ApiError | None:
    """Leads a reading conversation to its end, which a failed read is as well."""
    answer: Json = None
    try:
        while True:
            request = conversation.send(answer)
            assert isinstance(request, Call | Listing)
            key = read_key(request)
            if key not in shared:
                shared[key] = read(reader, request)
            answer = shared[key]
    except StopIteration as stop:
        result: Result = stop.value
        return result
    except ApiError as error:
        return error


def read(reader: Reader, request: Call | Listing) -> Json:
    """The answer to a read as conversations see it: None for an absent object."""
    if isinstance(request, Listing):
        return Items(reader.read_list(request))
    try:
        return reader.get(request)
    except NotFoundError:
        return None


def read_key(request: Call | Listing) -> object:
    """What makes two reads the same request."""
    return type(request), request.path, tuple(sorted(request.query.items()))


def batch_key(write: Write) -> object:
    """What makes two writes fit into one request; unique for one that cannot be merged."""
    if not write.batch:
        return id(write)
    rest = {key: value for key, value in write.call.body.items() if key != write.batch}
    return write.call.method, write.call.path, write.batch, repr(sorted(rest.items()))


def merged(writes: Sequence[Write]) -> Call:
    """One request for all of ``writes``, which fit together."""
    first = writes[0]
    if not first.batch:
        return replace(first.call, body=thaw(first.call.body))
    items = [item for write in writes for item in write.call.body[first.batch]]
    return replace(first.call, body=thaw({**first.call.body, first.batch: items}))


def _split(answer: Json, writes: Sequence[Write]) -> list[Answer]:
    """Each write's own part of a bulk answer: by id where items have one, else by position."""
    first = writes[0]
    items = answer.get(first.batch) if first.batch else None
    if not isinstance(items, list):
        whole = _object(answer)
        return [whole for _ in writes]
    by_id = {item.get("id"): item for item in items if isinstance(item, Mapping)}
    own = [write.call.body[first.batch][0] for write in writes]
    ids = [item.get("id") if isinstance(item, Mapping) else item for item in own]
    return [
        by_id.get(id_) or (items[index] if index < len(items) else {})
        for index, id_ in enumerate(ids)
    ]


def _object(answer: Json) -> Json:
    """The one object of a singular answer: its only field besides the status."""
    fields = [value for key, value in answer.items() if key != "status"]
    return fields[0] if len(fields) == 1 and isinstance(fields[0], Mapping) else answer
