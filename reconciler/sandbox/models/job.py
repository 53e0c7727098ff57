"""The words of a run: the medium, its surroundings, a model at work, and what it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal, TypeAlias, TypeGuard

from reconciler.catalogue import PUBLIC_APP_ID, PUBLIC_USER_ID
from reconciler.routing.scores import ConceptKey, float32
from reconciler.sandbox.scores import Scores

NOT_IMPLEMENTED: Final = 10040
MODEL_INVALID_ARGUMENT: Final = 21202
MODEL_PREDICTION_FAILED: Final = 21313

_MAX_CONCEPTS: Final = 200
_DEFAULT_CONCEPTS: Final = 20

Message: TypeAlias = Any
"""A protobuf message; the generated classes carry no types of their own."""


class ModelFailure(Exception):
    """A model cannot answer: ``code`` is the platform's status code, ``details`` says why."""

    def __init__(self, code: int, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


@dataclass(frozen=True, slots=True)
class Media:
    """The input. ``data`` is None where only the URL is known; ``sha256`` is then empty.

    ``regions`` are those that came with it, for operators that work on regions; ``caption`` is the
    text that came beside an image.
    """

    kind: Literal["image", "text", "video", "audio"]
    data: bytes | None = None
    url: str = ""
    sha256: str = ""
    regions: tuple[Message, ...] = ()
    caption: str = ""

    @property
    def text(self) -> str:
        """What a text says; a byte order mark is no part of it."""
        return (self.data or b"").decode("utf-8-sig", "replace")


@dataclass(frozen=True, slots=True)
class WriterEffect:
    """An annotation that a writer wants on the input."""

    annotation_status: int
    annotation_user_id: str
    annotation_info: Mapping[str, Any]
    task_id: str
    data: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """All that a run may ask of its surroundings.

    ``find_version`` turns the reference of a node into a model and its version. ``relations`` lists
    the stored edges of a graph ("" is the global one). ``artifact`` is what training left for a
    version. ``write`` is None where annotations are not to be written. ``embedding`` gives the
    vector of the input by the public model of its kind, if that is already known or kept.
    """

    media: Media
    user_id: str
    app_id: str
    find_version: Callable[[Message], tuple[Message, Message]]
    relations: Callable[[str], Sequence[Any]]
    artifact: Callable[[str], bytes]
    scores: Scores = field(default_factory=Scores.empty)
    write: Callable[[WriterEffect], None] | None = None
    embedding: Callable[[], Sequence[float]] | None = None
    follow_hierarchy: bool = False
    filter_other_default: bool = True
    rng: Random = field(default_factory=Random)

    def key(self, concept: Message) -> ConceptKey:
        """Whose concept it is: one without an app is the app's own, one of ``main`` is public."""
        app_id = concept.app_id or self.app_id
        default = PUBLIC_USER_ID if app_id == PUBLIC_APP_ID else self.user_id
        return ConceptKey(concept.user_id or default, app_id, concept.id)


@dataclass(frozen=True, slots=True)
class Result:
    """What a model made of its input; ``details`` is what its user should know about it."""

    data: Message
    details: str = ""
    effect: WriterEffect | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A model with its configuration in effect, and the data that reached it."""

    model: Message
    version: Message
    data: Message
    ctx: RunContext
    params: Mapping[str, Any]
    concepts: Sequence[Any]
    output_config: Any

    @property
    def name(self) -> str:
        """What messages call this model."""
        return f"{self.model.model_type_id} '{self.model.id}'"

    @property
    def is_public(self) -> bool:
        """Whether the platform itself published the model."""
        return (self.model.user_id, self.model.app_id) == (PUBLIC_USER_ID, PUBLIC_APP_ID)

    def invalid(self, problem: str) -> ModelFailure:
        """The failure for a configuration that makes no sense."""
        return ModelFailure(MODEL_INVALID_ARGUMENT, f"{self.name}: {problem}")

    def not_run(self, why: str) -> ModelFailure:
        """The failure for what the sandbox leaves to the platform."""
        return ModelFailure(NOT_IMPLEMENTED, f"{self.name}: the sandbox {why}")

    def limited(self, concepts: Sequence[Any]) -> Sequence[Any]:
        """Only the concepts that ``max_concepts``, ``min_value``, ``select_concepts`` want, best first."""
        config = self.output_config
        most = self.params.get("max_concepts", config.max_concepts or _DEFAULT_CONCEPTS)
        least = self.params.get("min_value", config.min_value)
        if not is_number(most) or not 0 < most <= _MAX_CONCEPTS or most != int(most):
            raise self.invalid(
                f"max_concepts must be a whole number in (0, {_MAX_CONCEPTS}], not {most!r}"
            )
        if not is_number(least) or not 0 <= least <= 1:
            raise self.invalid(f"min_value must be in [0, 1], not {least!r}")
        selected = self._selected()
        kept = [
            concept
            for concept in concepts
            if concept.value >= float32(least)
            and (not selected or concept.id in selected or concept.name in selected)
        ]
        return ranked(kept)[: int(most)]

    def _selected(self) -> frozenset[str]:
        """Ids and names of the only concepts wanted; empty for all."""
        chosen = self.output_config.select_concepts
        names = {name for one in chosen for name in (one.id, one.name)}
        listed = self.params.get("select_concepts") or ()
        if isinstance(listed, str) or not isinstance(listed, Iterable):
            raise self.invalid(f"select_concepts must be a list, not {listed!r}")
        for entry in listed:
            if isinstance(entry, Mapping):
                names |= {str(entry.get("id", "")), str(entry.get("name", ""))}
            else:
                names.add(str(entry))
        return frozenset(names - {""})


Run: TypeAlias = Callable[[Job], Result]
"""How a model type runs; raises ModelFailure."""


def is_number(value: object) -> TypeGuard[float]:
    """Whether a parameter is a number; JSON's booleans are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def copied(message: Message) -> Message:
    """A copy that shares nothing with the original."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def ranked(concepts: Iterable[Message]) -> list[Message]:
    """Concepts as predictions list them: best first, equal ones by id."""
    return sorted(concepts, key=lambda concept: (-concept.value, concept.id))
