"""Warnings about what a workflow's thresholds add up to: gaps, overlaps, paths without an end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, assert_never

from reconciler.diagnostics import Diagnostic
from reconciler.manifest.coverage import Finding, Flaw, Share, findings
from reconciler.manifest.flow import Flows, Strand, Stream, kept_by
from reconciler.manifest.intervals import HIGHEST, LOWEST, NOTHING, plain, spoken
from reconciler.manifest.steps import Placed
from reconciler.manifest.wiring import Telling, Wiring, listed
from reconciler.resource import Place
from reconciler.routing.workflow import Thresholder

_CODES: Final[Mapping[Flaw, str]] = {
    Flaw.GAP: "RC511",
    Flaw.HOLE: "RC512",
    Flaw.OVERLAP: "RC513",
    Flaw.FLOORLESS: "RC514",
    Flaw.TOP: "RC515",
    Flaw.TWICE: "RC532",
}

Key: TypeAlias = tuple[tuple[str, str, int], ...]


class Subject(NamedTuple):
    """A concept of a source on its way to writers; ``strand`` is None for all that have no name."""

    source: int
    strand: Strand | None


class Found(NamedTuple):
    """A flaw of one concept, with what each writer takes of it."""

    subject: Subject
    finding: Finding
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A threshold that ends a range of scores."""

    placed: Placed
    concept: str

    @property
    def place(self) -> Place:
        """Where the threshold stands."""
        return self.placed.thresholds_at(self.concept)


class Thresholds:
    """Looks at workflows, one after the other. What arrives alike is looked at once."""

    def __init__(self, flows: Flows, telling: Telling) -> None:
        self.flows = flows
        self.telling = telling
        self._found: dict[Key, tuple[Found, ...]] = {}
        self._done: set[Key] = set()

    def of(self, wiring: Wiring) -> Iterator[Diagnostic]:
        """The warnings about one workflow."""
        writers = wiring.writers
        key = tuple(_key(wiring, writer) for writer in writers)
        if key not in self._found:
            streams = [wiring.arrivals[writer.step.id].stream for writer in writers]
            self._found[key] = tuple(self._look(writers, streams))
        if self._found[key] and key not in self._done:
            workflow = _Workflow(wiring, writers, self.telling, self._found[key])
            yield from workflow.tell()
            if not workflow.is_local:
                self._done.add(key)

    def _look(self, writers: Sequence[Placed], streams: Sequence[Stream]) -> Iterator[Found]:
        subjects = dict.fromkeys(
            [
                *(Subject(strand.source, strand) for stream in streams for strand in stream.known),
                *(Subject(source, None) for stream in streams for source in stream.open),
            ]
        )
        for subject in subjects:
            shares = tuple(
                _share(writer, stream, subject)
                for writer, stream in zip(writers, streams, strict=True)
            )
            for finding in findings(self.flows.given(subject.source), shares):
                yield Found(subject, finding, shares)


def _key(wiring: Wiring, writer: Placed) -> tuple[str, str, int]:
    assert writer.writing is not None
    number = wiring.arrivals[writer.step.id].number
    return writer.writing.status, writer.writing.task, number


def _share(writer: Placed, stream: Stream, subject: Subject) -> Share:
    assert writer.writing is not None
    if subject.strand is None:
        scores = stream.open.get(subject.source, NOTHING)
    else:
        scores = stream.scores(subject.strand)
    exact = subject.source not in stream.loose
    return Share(writer.writing.status, writer.writing.task, scores, exact)


class _Workflow:
    """The warnings about one workflow, in words.

    ``is_local`` says afterwards whether one of them stands in the workflow itself.
    """

    def __init__(
        self,
        wiring: Wiring,
        writers: Sequence[Placed],
        telling: Telling,
        found: Sequence[Found],
    ) -> None:
        self.wiring = wiring
        self.writers = writers
        self.telling = telling
        self.found = found
        self.is_local = False
        self.thresholders = [
            (placed, placed.step.operator)
            for placed in wiring.before(writers)
            if isinstance(placed.step.operator, Thresholder)
        ]

    def tell(self) -> Iterator[Diagnostic]:
        """One warning for each concept; one for all concepts where it is about a whole path."""
        paths: dict[tuple[Flaw, tuple[int, ...], str], list[tuple[Found, Bound | None]]] = {}
        for found in self.found:
            low, high = found.finding.range
            flaw, writers = found.finding.flaw, found.finding.writers
            match flaw:
                case Flaw.HOLE | Flaw.GAP:
                    yield from self._unwritten(found)
                case Flaw.TOP:
                    yield from self._top(found)
                case Flaw.OVERLAP:
                    lower, upper = self._lower(found, low), self._upper(found, high)
                    if lower or upper:
                        yield from self._overlap(found, lower, upper)
                    else:
                        paths.setdefault((flaw, writers, ""), []).append((found, None))
                case Flaw.FLOORLESS:
                    upper = self._upper(found, high)
                    node = upper.placed.step.id if upper else ""
                    paths.setdefault((flaw, writers, node), []).append((found, upper))
                case Flaw.TWICE:
                    paths.setdefault((flaw, writers, ""), []).append((found, None))
                case _:
                    assert_never(flaw)
        for (flaw, writers, node), all_ in paths.items():
            if flaw is Flaw.FLOORLESS:
                yield from self._floorless(node, self.writers[writers[0]], all_)
            else:
                yield from self._doubled(flaw, writers, [found for found, _ in all_])

    def _unwritten(self, found: Found) -> Iterator[Diagnostic]:
        low, high = found.finding.range
        upper, lower = self._upper(found, low - 1), self._lower(found, high + 1)
        if found.finding.flaw is Flaw.HOLE:
            what = f"a score of exactly {plain(low)} for {self._name(found)} is written by nobody"
            hint = (
                "let one of the two bounds include it, as GREATER_THAN_OR_EQUAL with LESS_THAN does"
            )
        else:
            scores = spoken((low, high))
            what = f"scores of {self._name(found)} that are {scores} are written by nobody"
            hint = "use one value for both bounds, and let one of them include it"
        yield from self._told(found, f"{what}: {self._takes(found)}", hint, lower, upper)

    def _top(self, found: Found) -> Iterator[Diagnostic]:
        low, high = found.finding.range
        name = self._name(found)
        message = f"scores of {name} that are {spoken((low, high))}, the surest, are"
        if low == high:
            message = f"a score of exactly {plain(low)} for {name}, the surest, is"
        message += f" written by nobody: {self._takes(found)}"
        hint = "add a path for what is certain, or raise this bound"
        yield from self._told(found, message, hint, self._upper(found, low - 1))

    def _overlap(
        self, found: Found, lower: Bound | None, upper: Bound | None
    ) -> Iterator[Diagnostic]:
        takes = " and ".join(
            f"{self._status(i)} by {self._node(i)} ({found.shares[i].scores})"
            for i in found.finding.writers
        )
        scores = spoken(found.finding.range)
        message = f"scores of {self._name(found)} that are {scores} are written twice, as {takes}"
        hint = "let the two ranges meet in one value that only one of them includes"
        yield from self._told(found, message, hint, lower, upper)

    def _told(
        self,
        found: Found,
        message: str,
        hint: str,
        bound: Bound | None,
        other: Bound | None = None,
    ) -> Iterator[Diagnostic]:
        """At the first threshold there is, or at a writer that has to do with it."""
        bounds = [one for one in (bound, other) if one]
        yield from self._at(
            _CODES[found.finding.flaw],
            bounds[0].place if bounds else self._writer(found).at,
            message,
            hint,
            related=[("the other bound", one.place) for one in bounds[1:]],
            once=(self._concept(found), found.finding.range),
        )

    def _floorless(
        self, node: str, writer: Placed, all_: Sequence[tuple[Found, Bound | None]]
    ) -> Iterator[Diagnostic]:
        bounds = [bound.place for _, bound in all_ if bound]
        ranges = {found.finding.range for found, _ in all_}
        scores = ""
        if bounds:
            scores = f" that is {spoken(ranges.pop())}" if len(ranges) == 1 else " below its bound"
        message = (
            f"{writer.step.id!r} asks a human about every score of"
            f" {self._names(found for found, _ in all_)}{scores}, even 0.01:"
            " nothing on the path asks for more"
        )
        where = f"between {node!r} and {writer.step.id!r}" if node else f"before {writer.step.id!r}"
        hint = f"put a thresholder {where}, such as GREATER_THAN_OR_EQUAL 0.1"
        place = min(bounds, key=self.telling.locate) if bounds else writer.at
        yield from self._at("RC514", place, message, hint)

    def _doubled(
        self, flaw: Flaw, writers: Sequence[int], several: Sequence[Found]
    ) -> Iterator[Diagnostic]:
        one, other = (self.writers[index] for index in writers)
        ranges = {found.finding.range for found in several}
        scores = f" at {spoken(ranges.pop())}" if len(ranges) == 1 else ""
        before, status = self._status(writers[0]), self._status(writers[1])
        if flaw is Flaw.TWICE:
            message = f"{other.step.id!r} writes what {one.step.id!r} writes too, as {status}"
            hint = "take one of the two out, or keep apart what reaches them"
        else:
            message = (
                f"{other.step.id!r} writes as {status} what {one.step.id!r} writes as {before} too"
            )
            hint = "put thresholders before them that share no score"
        message += f": {self._names(several)}{scores}"
        yield from self._at(
            _CODES[flaw], other.at, message, hint, related=[("the other writer", one.at)]
        )

    def _at(
        self,
        code: str,
        place: Place,
        message: str,
        hint: str,
        *,
        related: Sequence[tuple[str, Place]] = (),
        once: object = "",
    ) -> Iterator[Diagnostic]:
        workflow = self.wiring.workflow
        self.is_local = self.is_local or place[:2] == workflow.source[:2]
        return self.telling.about(
            code, place, message, hint, workflow=workflow, related=related, once=once
        )

    # --- thresholds

    def _lower(self, found: Found, at: int) -> Bound | None:
        """The threshold from which on scores pass."""
        return self._bound(found, at, 0) if at > LOWEST else None

    def _upper(self, found: Found, at: int) -> Bound | None:
        """The threshold up to which scores pass."""
        return self._bound(found, at, 1) if at < HIGHEST else None

    def _bound(self, found: Found, at: int, end: int) -> Bound | None:
        """The first threshold on the way whose own range has this end."""
        strand = found.subject.strand
        if strand is None:
            return None
        for placed, operator in self.thresholders:
            here = self.wiring.arrivals[placed.step.id].stream
            for concept in dict.fromkeys((strand.concept, strand.origin)):
                kept = kept_by(operator, concept.id)
                if (
                    kept is not None
                    and any(range_[end] == at for range_ in kept.ranges)
                    and here.scores(Strand(strand.source, strand.origin, concept))
                ):
                    return Bound(placed, concept.id)
        return None

    # --- words

    def _name(self, found: Found) -> str:
        return self._names((found,))

    def _names(self, found: Iterable[Found]) -> str:
        several = tuple(found)
        unnamed = [one for one in several if one.subject.strand is None]
        if unnamed:
            return self._concept(unnamed[0])
        return listed(list(dict.fromkeys(self._concept(one) for one in several)))

    def _concept(self, found: Found) -> str:
        if found.subject.strand is not None:
            return found.subject.strand.concept.id
        source = self.wiring.source(found.subject.source)
        return f"every concept of {source.step.id!r}" if source else "every concept"

    def _takes(self, found: Found) -> str:
        """``'success' takes > 0.95, 'pending' takes < 0.95``."""
        return ", ".join(
            f"{self._node(i)} takes {share.scores}"
            for i, share in enumerate(found.shares)
            if share.scores
        )

    def _node(self, writer: int) -> str:
        return repr(self.writers[writer].step.id)

    def _status(self, writer: int) -> str:
        writing = self.writers[writer].writing
        return writing.status if writing else ""

    def _writer(self, found: Found) -> Placed:
        pairs = zip(self.writers, found.shares, strict=True)
        return next(writer for writer, share in pairs if share.scores)
