"""Pushes inputs into an app and waits for them: the data that a workflow is there for.

What is to be sent comes from ``sources``. Every failure of an input is data, none is raised.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from reconciler.api.protocol import Reader, Writer
from reconciler.call import Call, Json, Listing, Target
from reconciler.errors import ApiError, DuplicateError, MixedError
from reconciler.execution.input_status import (
    PROCESSED,
    TAKEN,
    THERE_ALREADY,
    UNDER_WAY,
    code_of,
    is_own_fault,
    words_of,
)
from reconciler.execution.media import MediaKind
from reconciler.execution.sources import Item, Problem, read_bytes

BATCH_INPUTS = 128
"""Inputs a request: the most that the platform takes, and so many ids are asked for at once."""

BATCH_BYTES = 16_000_000
"""Bytes of base64 a request, unless one input alone has more (the platform's limit is 128 MB)."""

ROUNDS = 4
"""How often a batch is sent when its answer leaves its fate open; ids make that harmless."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 2.0
"""Seconds between polls: short while inputs come through, longer while none does."""

OnProgress = Callable[[int, int], None]
"""Told how many are done, of how many."""


def ignore_progress(done: int, total: int) -> None:
    """The observer that does nothing."""


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of each input. ``stopped`` is the error that ended the sending before its end,
    ``unsent`` counts what was not sent because of it."""

    added: tuple[Item, ...]
    present: tuple[Item, ...]
    failed: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    stopped: ApiError | None = None
    unsent: int = 0

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all that are in the app now, added or there before."""
        return tuple(item.id for item in (*self.added, *self.present))


@dataclass(slots=True)
class _Tally:
    """The report while it grows."""

    total: int
    on_progress: OnProgress
    added: list[Item] = field(default_factory=list)
    present: list[Item] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def tell(self) -> None:
        self.on_progress(len(self.added) + len(self.present) + len(self.failed), self.total)

    def report(self, stopped: ApiError | None = None) -> AddReport:
        """As it stands; whatever has no fate yet was not sent."""
        done = len(self.added) + len(self.present) + len(self.failed)
        return AddReport(
            tuple(self.added),
            tuple(self.present),
            tuple(self.failed),
            (*self.notes, *(note for item in self.added for note in _notes_on_sent(item))),
            stopped,
            self.total - done,
        )


def add(
    writer: Writer,
    target: Target,
    items: Sequence[Item],
    *,
    on_progress: OnProgress = ignore_progress,
    sleep: Callable[[float], None] = time.sleep,
) -> AddReport:
    """Sends what is not there yet, in batches, and reports on each item.

    Inputs that are there keep the labels they have. Raises no ApiError: an error that concerns more
    than the inputs of one batch ends the sending and stands in the report.
    """
    tally = _Tally(len(items), on_progress)
    upload = _Upload(writer, target, tally, sleep)
    try:
        there = _read_inputs(writer, target, [item.id for item in items])
        tally.present += [item for item in items if item.id in there]
        tally.notes += _notes_on_present(tally.present, there)
        tally.tell()
        missing = [item for item in items if item.id not in there]
        for batch in _batches(missing, tally):
            upload.send(batch)
            batch.clear()  # before the next one is read
            tally.tell()
    except ApiError as error:
        return tally.report(error)
    return tally.report()


@dataclass(frozen=True, slots=True)
class WaitReport:
    """What became of inputs that were waited for; ``pending`` are those that time ran out on."""

    processed: tuple[Item, ...]
    failed: tuple[Problem, ...]
    pending: tuple[Item, ...]


def wait(
    reader: Reader,
    target: Target,
    items: Sequence[Item],
    *,
    timeout: float,
    on_progress: OnProgress = ignore_progress,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> WaitReport:
    """Polls until the platform has processed each input or failed to, at most ``timeout`` seconds.

    One request a poll, on those longest waited for; all that are left are asked for once more
    when time is up. Raises ApiError.
    """
    pending = {item.id: item for item in items}
    processed: list[Item] = []
    failed: list[Problem] = []

    def look(ids: Sequence[str]) -> int:
        before = len(pending)
        for name, found in _read_inputs(reader, target, ids).items():
            status = found.get("status") or {}
            if code_of(status) in PROCESSED:
                processed.append(pending.pop(name))
            elif code_of(status) not in UNDER_WAY:
                failed.append(Problem(pending.pop(name).source, words_of(status)))
        on_progress(len(items) - len(pending), len(items))
        return before - len(pending)

    deadline, pause = clock() + timeout, SHORTEST_PAUSE
    while pending:
        ids = list(islice(pending, BATCH_INPUTS))
        settled = look(ids)
        if settled == len(ids):
            continue
        if clock() >= deadline:
            look(list(pending))
            break
        if settled:
            pause = SHORTEST_PAUSE
        else:
            # A stuck input holds up nobody's progress: the next ones are asked for first.
            pending.update((name, pending.pop(name)) for name in ids)
        sleep(max(0.0, min(pause, deadline - clock())))
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return WaitReport(tuple(processed), tuple(failed), tuple(pending.values()))


@dataclass(frozen=True, slots=True)
class _Parcel:
    """An item with its wire form."""

    item: Item
    body: Mapping[str, Any]
    size: int


def _batches(items: Iterable[Item], tally: _Tally) -> Iterator[list[_Parcel]]:
    """Reads files only when their batch is due, so that memory holds one batch."""
    batch: list[_Parcel] = []
    size = 0
    for item in items:
        parcel = _pack(item)
        if isinstance(parcel, Problem):
            tally.failed.append(parcel)
            continue
        # The platform takes a single video a request.
        alone = item.kind is MediaKind.VIDEO
        full = len(batch) == BATCH_INPUTS or size + parcel.size > BATCH_BYTES
        if batch and (full or alone):
            yield batch
            batch, size = [], 0
        batch.append(parcel)
        size += parcel.size
        if alone:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _pack(item: Item) -> _Parcel | Problem:
    content: dict[str, Any]
    if item.path is None:
        content, size = {"url": item.source, "allow_duplicate_url": True}, len(item.source)
    else:
        raw = read_bytes(item)
        if isinstance(raw, Problem):
            return raw
        sent = _content(item, raw)
        if isinstance(sent, Problem):
            return sent
        content, size = sent, sum(map(len, sent.values()))
    data: dict[str, Any] = {item.kind.value: content}
    if item.concepts:
        data["concepts"] = [{"id": concept, "value": 1} for concept in item.concepts]
    return _Parcel(item, {"id": item.id, "data": data}, size)


def _content(item: Item, raw: bytes) -> dict[str, str] | Problem:
    """A text goes as it is, everything else as base64."""
    if item.kind is not MediaKind.TEXT:
        return {"base64": base64.b64encode(raw).decode("ascii")}
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Problem(item.source, f"no UTF-8 text: byte {error.start} fits nowhere")
    return {"raw": text} if text.strip() else Problem(item.source, "the text is blank")


@dataclass(frozen=True, slots=True)
class _Upload:
    """Sends batches and books the fate of each item."""

    writer: Writer
    target: Target
    tally: _Tally
    sleep: Callable[[float], None]

    def send(self, batch: list[_Parcel]) -> None:
        """Sends until each item has a fate. Raises an ApiError that concerns more than these."""
        left = batch
        for round_ in range(1, ROUNDS + 1):
            last = round_ == ROUNDS
            call = Call("POST", self.target.at("inputs"), body={"inputs": [p.body for p in left]})
            try:
                body = self.writer.send(call)
            except MixedError as error:
                body = error.body
            except ApiError as error:
                left = self._after_failure(left, error, round_)
                if not left:
                    return
                if last and error.unclear:
                    raise
                body = None
            if body is not None:
                left = self._settle(left, body, resent=round_ > 1, last=last)
            if not left:
                return
        self.tally.failed += [
            Problem(one.item.source, "the service says neither yes nor no to it") for one in left
        ]

    def _after_failure(self, left: list[_Parcel], error: ApiError, round_: int) -> list[_Parcel]:
        """Books what reading back shows, or the refusal; returns those to send again."""
        duplicate = isinstance(error, DuplicateError)
        if not (error.unclear or duplicate):
            if error.http_status not in {400, 413}:
                raise error
            self.tally.failed += [_refused(one.item, error) for one in left]
            return []
        self.sleep(0.5 * 2.0 ** (round_ - 1))
        there = _read_inputs(self.writer, self.target, [one.item.id for one in left])
        found = [one.item for one in left if one.item.id in there]
        (self.tally.present if duplicate else self.tally.added).extend(found)
        return [one for one in left if one.item.id not in there]

    def _settle(
        self, left: list[_Parcel], body: Json, *, resent: bool, last: bool
    ) -> list[_Parcel]:
        """Books what an answer says of each item; returns those to send once more.

        Where a service takes a batch whole or not at all, items that have nothing wrong fail beside
        one that has: told apart by its own kind of code, they are sent again without it.
        """
        statuses = _statuses(left, body)
        codes = {one.item.id: code_of(statuses.get(one.item.id)) for one in left}
        guilty = any(is_own_fault(code) for code in codes.values())
        rest: list[_Parcel] = []
        for one in left:
            code, status = codes[one.item.id], statuses.get(one.item.id)
            if status is not None and code in TAKEN:
                self.tally.added.append(one.item)
            elif code in THERE_ALREADY:
                # After a first try of unknown fate it is ours.
                (self.tally.added if resent else self.tally.present).append(one.item)
            elif status is None or (guilty and not last and not is_own_fault(code)):
                rest.append(one)
            else:
                self.tally.failed.append(Problem(one.item.source, words_of(status)))
        return rest


def _statuses(left: Sequence[_Parcel], body: Json) -> dict[str, Mapping[str, Any]]:
    """Each item's status by id; a failed item may come back without its id, but in its place."""
    answered = body.get("inputs") if isinstance(body, dict) else None
    answered = [one for one in answered or () if isinstance(one, dict)]
    in_place = len(answered) == len(left)
    statuses: dict[str, Mapping[str, Any]] = {}
    for index, one in enumerate(answered):
        name = one.get("id") or (left[index].item.id if in_place else "")
        # An input that is named without a status was taken.
        statuses[name] = one.get("status") or {"code": 30001}
    return statuses


def _notes_on_present(present: Sequence[Item], there: Mapping[str, Json]) -> Iterator[str]:
    """Says when what is there differs from what was asked for."""
    unlabelled = sum(not set(item.concepts) <= _labels(there[item.id]) for item in present)
    if unlabelled:
        yield (
            f"{_count(unlabelled)} already there without a label asked for now: "
            "the labels of existing inputs are not changed"
        )
    failed = sum(
        code_of(there[item.id].get("status")) not in PROCESSED | UNDER_WAY for item in present
    )
    if failed:
        yield f"{_count(failed)} already there, but could not be processed"


def _notes_on_sent(item: Item) -> Iterator[str]:
    if item.note:
        yield f"{item.source}: {item.note}"
    if item.kind is MediaKind.VIDEO:
        yield f"{item.source}: sent as a video, which the sandbox stores but does not process"


def _count(number: int) -> str:
    return f"{number} input{' is' if number == 1 else 's are'}"


def _labels(found: Json) -> set[str]:
    concepts = (found.get("data") or {}).get("concepts") or ()
    return {concept["id"] for concept in concepts if concept.get("value", 1) > 0}


def _refused(item: Item, error: ApiError) -> Problem:
    return Problem(item.source, f"{error.message} (code {error.code})", error.hint)


def _read_inputs(reader: Reader, target: Target, ids: Sequence[str]) -> dict[str, Json]:
    """The inputs of these ids that are there. Raises ApiError."""
    listings = [
        Listing(target.at("inputs"), "inputs", {"ids": ids[start : start + BATCH_INPUTS]})
        for start in range(0, len(ids), BATCH_INPUTS)
    ]
    wanted = frozenset(ids)
    found = [one for page in reader.read_lists(listings) for one in page]
    return {one["id"]: one for one in found if one.get("id") in wanted}
