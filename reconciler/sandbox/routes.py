"""Which RPC a method and a path mean: a tree built from the service's HTTP annotations.

A literal segment wins over a variable (``models/types`` over ``models/{model_id}``), whatever the
order in the contract; a branch that leads nowhere is left again for the variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

from clarifai_grpc.grpc.api import service_pb2
from google.api import annotations_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor

SERVICE: Final = service_pb2.DESCRIPTOR.services_by_name["V2"]
_VERBS: Final = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Rpc:
    """One method of the service. A ``streaming`` one answers here with a single message, and if it is
    ``client_streaming``, too, with one to each message that it is sent.
    """

    name: str
    request: Any
    response: Any
    streaming: bool
    client_streaming: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One binding: where the variables of the path go, and whether the body is the request."""

    rpc: Rpc
    verb: str
    template: str
    variables: tuple[str, ...]
    takes_body: bool

    @property
    def names_app(self) -> bool:
        """Whether the path says which app is meant (the long form)."""
        return "user_app_id.app_id" in self.variables

    @property
    def names_user(self) -> bool:
        """Whether the path says whose resources are meant."""
        return "user_app_id.user_id" in self.variables


@dataclass(frozen=True, slots=True)
class Match:
    """A route with the decoded values of its variables."""

    route: Route
    values: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    variable: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)


@cache
def rpcs() -> Mapping[str, Rpc]:
    """Every RPC of the service by name."""
    return {method.name: _rpc(method) for method in SERVICE.methods}


def _rpc(method: MethodDescriptor) -> Rpc:
    return Rpc(
        method.name,
        message_factory.GetMessageClass(method.input_type),
        message_factory.GetMessageClass(method.output_type),
        method.client_streaming or method.server_streaming,
        method.client_streaming,
    )


@cache
def routes() -> tuple[Route, ...]:
    """Every binding of the contract, additional ones included, in its order."""
    found: list[Route] = []
    for method in SERVICE.methods:
        rule = method.GetOptions().Extensions[annotations_pb2.http]
        for binding in (rule, *rule.additional_bindings):
            verb = binding.WhichOneof("pattern")
            if verb not in _VERBS:
                continue
            template = getattr(binding, verb)
            variables = tuple(
                part[1:-1] for part in template.strip("/").split("/") if part.startswith("{")
            )
            found.append(
                Route(rpcs()[method.name], verb.upper(), template, variables, binding.body == "*")
            )
    return tuple(found)


@cache
def routes_of(rpc: str) -> tuple[Route, ...]:
    """The bindings of one RPC, in the order of the contract."""
    return tuple(route for route in routes() if route.rpc.name == rpc)


@cache
def _tree() -> _Node:
    root = _Node()
    for route in routes():
        node = root
        for part in route.template.strip("/").split("/"):
            if part.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literals.setdefault(part, _Node())
        node.routes.setdefault(route.verb, route)
    return root


def find(verb: str, path: str) -> Match | frozenset[str]:
    """The route of a request, else the verbs that its path would take (none: no such path).

    ``path`` is the raw path, still percent-encoded; a trailing slash does not matter.
    """
    search = _Search(verb, path.removeprefix("/").removesuffix("/").split("/"), set())
    match = search.below(_tree(), 0, ())
    return match if match is not None else frozenset(search.allowed)


@dataclass(frozen=True, slots=True)
class _Search:
    """A path on its way down the tree; ``allowed`` gathers the verbs of where it could end."""

    verb: str
    parts: list[str]
    allowed: set[str]

    def below(self, node: _Node, at: int, values: tuple[str, ...]) -> Match | None:
        """The match of what is left of the path, from this node on."""
        if at == len(self.parts):
            self.allowed.update(node.routes)
            route = node.routes.get(self.verb)
            if route is None:
                return None
            return Match(route, dict(zip(route.variables, values, strict=True)))
        part = unquote(self.parts[at], errors="strict")
        literal = node.literals.get(part)
        if literal is not None:
            match = self.below(literal, at + 1, values)
            if match is not None:
                return match
        if node.variable is not None and part:
            return self.below(node.variable, at + 1, (*values, part))
        return None
