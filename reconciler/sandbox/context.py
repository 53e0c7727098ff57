"""What a handler is handed besides the request: who asks, for which app, and the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from clarifai_grpc.grpc.api import resources_pb2
from clarifai_grpc.grpc.api.status import status_pb2

from reconciler import catalogue
from reconciler.sandbox import status
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.ids import Clock, IdSource, stamp
from reconciler.sandbox.store import Store
from reconciler.sandbox.switchboard import Switchboard
from reconciler.sandbox.transaction import Key, Row, Scope, Tx

PUBLIC: Final = Scope(catalogue.PUBLIC_USER_ID, catalogue.PUBLIC_APP_ID)
MAX_PER_PAGE: Final = 1000
DEFAULT_PER_PAGE: Final = 128

MESSAGES: Final[Mapping[str, Any]] = {
    "user": resources_pb2.User,
    "key": resources_pb2.Key,
    "app": resources_pb2.App,
    "concept": resources_pb2.Concept,
    "concept_language": resources_pb2.ConceptLanguage,
    "relation": resources_pb2.ConceptRelation,
    "graph": resources_pb2.KnowledgeGraph,
    "model": resources_pb2.Model,
    "model_version": resources_pb2.ModelVersion,
    "workflow": resources_pb2.Workflow,
    "workflow_version": resources_pb2.WorkflowVersion,
    "input": resources_pb2.Input,
    "annotation": resources_pb2.Annotation,
    "prediction": resources_pb2.Annotation,
    "inputs_add_job": resources_pb2.InputsAddJob,
    "search": resources_pb2.Search,
    "evaluation": resources_pb2.EvalMetrics,
    "dataset": resources_pb2.Dataset,
    "dataset_version": resources_pb2.DatasetVersion,
    "dataset_input": resources_pb2.DatasetInput,
    "dataset_version_input": resources_pb2.DatasetInput,
}
"""The message that each kind of object is stored as."""


def load(row: Row) -> Any:
    """The message that a row holds."""
    return MESSAGES[row.kind].FromString(row.body)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user with a personal token, or an app key that stands for one app.

    ``grants`` are the scopes and endpoints that the key is limited to; None is no limit.
    """

    user: str
    app: str = ""
    grants: frozenset[str] | None = None

    @property
    def personal(self) -> bool:
        """Whether a personal access token was shown."""
        return not self.app


@dataclass(frozen=True, slots=True)
class World:
    """What all requests share. ``wake`` tells the background that there is work, ``origin`` where the
    HTTP door is; it is empty without one.
    """

    store: Store
    switches: Switchboard
    legacy: bool
    ids: IdSource
    clock: Clock
    owner: str
    wake: Callable[[], None]
    scores: Any = None
    origin: Callable[[], str] = str

    @property
    def behaviour(self) -> Behaviour:
        """The switches as they are now."""
        return self.switches.now


class Page(NamedTuple):
    """A slice of a list."""

    offset: int
    limit: int


@dataclass(slots=True)
class Context:
    """One request on its way. ``given`` names the top-level fields that a REST request spelled out
    (None where that cannot be known); ``tx`` is absent for handlers that open their own.
    """

    world: World
    caller: Caller
    scope: Scope
    given: frozenset[str] | None = None
    reader: Callable[[], AbstractContextManager[Tx]] | None = None
    _tx: Tx | None = field(default=None)
    behaviour: Behaviour = field(init=False)

    def __post_init__(self) -> None:
        """Hold on to the behaviour of now: a switch changes between requests, not within one."""
        self.behaviour = self.world.behaviour

    @property
    def tx(self) -> Tx:
        """The transaction of this request."""
        assert self._tx is not None
        return self._tx

    @contextmanager
    def using(self, tx: Tx) -> Iterator[None]:
        """Work within this transaction for a while."""
        before, self._tx = self._tx, tx
        try:
            yield
        finally:
            self._tx = before

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """A short reading transaction, for handlers that compute between reads."""
        with (self.reader or self.world.store.read)() as tx, self.using(tx):
            yield tx

    @property
    def is_public(self) -> bool:
        """Whether the request is about ``clarifai/main``."""
        return self.scope == PUBLIC

    def key(self, kind: str, id_: str, parent: str = "") -> Key:
        """The identity of an object of this app."""
        return Key(kind, *self.scope, parent, id_)

    def page(self, request: Any, default: int = DEFAULT_PER_PAGE) -> Page:
        """What ``page`` (from 1) and ``per_page`` ask for."""
        size = request.per_page or default
        if size > MAX_PER_PAGE:
            if self.behaviour.oversized_page_refused:
                raise status.invalid(f"per_page is {size}, the most is {MAX_PER_PAGE}")
            size = MAX_PER_PAGE
        return Page((max(request.page, 1) - 1) * size, size)

    def real_user(self, user: str) -> str:
        """The user id that ``me`` or nothing stands for."""
        return self.caller.user if user in ("", "me") else user

    def change(self, row: Row, message: Any, **columns: Any) -> int:
        """Stores an object as changed now, ``columns`` of its row too; the time that is."""
        at = self.world.clock.now()
        message.modified_at.CopyFrom(stamp(at))
        self.tx.update(row, message, at=at, **columns)
        return at

    def created(self, message: Any) -> Any:
        """A just created object as its answer shows it: with nanoseconds, unlike every later read."""
        if self.behaviour.create_shows_nanoseconds:
            for name in ("created_at", "modified_at"):
                if name in message.DESCRIPTOR.fields_by_name and message.HasField(name):
                    getattr(message, name).nanos += 7
        return message


Mode: TypeAlias = Literal["read", "write", "free"]
Handler: TypeAlias = Callable[[Any, Context], Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A handler and how it meets the state: one reading or writing transaction, or its own."""

    handler: Handler
    mode: Mode


def reads(handler: Handler) -> Entry:
    """A handler that only looks."""
    return Entry(handler, "read")


def writes(handler: Handler) -> Entry:
    """A handler that changes things."""
    return Entry(handler, "write")


def computes(handler: Handler) -> Entry:
    """A handler that runs models, and so must not hold a transaction meanwhile."""
    return Entry(handler, "free")


def ok() -> Any:
    """The envelope of success."""
    return status.make(status.SUCCESS)


def visibility(sent: Any) -> Any:
    """The visibility that was sent, else private."""
    gettable = sent.visibility.gettable or resources_pb2.Visibility.Gettable.PRIVATE
    return resources_pb2.Visibility(gettable=gettable)


def need(row: Row | None, what: str, id_: str, *, code: int = status.DOES_NOT_EXIST) -> Row:
    """The row, or the error for an absent object."""
    if row is None:
        raise status.missing(what, id_, code=code)
    return row


def check_batch(items: Any, what: str, most: int = 128) -> None:
    """Refuse an empty or too large batch."""
    if not items:
        raise status.invalid(f"the request names no {what}")
    if len(items) > most:
        raise status.invalid(f"{len(items)} {what} in one request, the most is {most}")


def check_action(action: str, *allowed: str) -> str:
    """The action itself if this resource knows it."""
    if action not in allowed:
        known = ", ".join(f"'{name}'" for name in allowed)
        raise status.invalid(f"action '{action}' is not known here: {known}")
    return action


def done() -> Any:
    """The answer of a method that returns nothing but success."""
    return status_pb2.BaseResponse(status=ok())
