"""A directed graph of anything that can be ordered: sorting, cycles, closures."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, TypeVar

from reconciler.errors import CycleError

Node = TypeVar("Node")

_SHOWN = 8
"""Members of a cycle that a message names before it counts the rest."""


def sort(
    edges: Mapping[Node, Iterable[Node]], *, key: Callable[[Node], Any], name: Callable[[Node], str]
) -> tuple[Node, ...]:
    """All nodes, each after those it points at, otherwise by ``key``. O((n + e) log n).

    ``edges[a]`` holds what ``a`` requires; what is no node itself is ignored.
    Raises ``CycleError`` with the ``name`` of each member.
    """
    requires = {
        node: {other for other in others if other in edges} for node, others in edges.items()
    }
    dependants: dict[Node, list[Node]] = {node: [] for node in edges}
    for node, others in requires.items():
        for other in others:
            dependants[other].append(node)
    heap = [(key(node), index, node) for index, node in enumerate(edges) if not requires[node]]
    waiting = {node: len(others) for node, others in requires.items()}
    serial = len(waiting)
    heapq.heapify(heap)
    done: list[Node] = []
    while heap:
        node = heapq.heappop(heap)[2]
        done.append(node)
        for dependant in dependants[node]:
            waiting[dependant] -= 1
            if not waiting[dependant]:
                serial += 1
                heapq.heappush(heap, (key(dependant), serial, dependant))
    if len(done) < len(requires):
        cycle = cycles({node: requires[node] for node in requires if waiting[node]}, key=key)[0]
        raise CycleError([name(node) for node in cycle])
    return tuple(done)


def cycles(
    edges: Mapping[Node, Iterable[Node]], *, key: Callable[[Node], Any]
) -> tuple[tuple[Node, ...], ...]:
    """One cycle of each strongly connected part, in edge direction, from its smallest member."""
    found = []
    for component in _components(edges, key):
        members = set(component)
        start = min(component, key=key)
        if len(component) > 1 or start in set(edges[start]):
            found.append(_round_trip(edges, members, start, key))
    return tuple(sorted(found, key=lambda cycle: key(cycle[0])))


def on_cycles(edges: Mapping[Node, Iterable[Node]], *, key: Callable[[Node], Any]) -> Set[Node]:
    """Every node that can be reached from itself."""
    return {
        node
        for component in _components(edges, key)
        if len(component) > 1 or component[0] in set(edges[component[0]])
        for node in component
    }


def closure(edges: Mapping[Node, Iterable[Node]], start: Iterable[Node]) -> Set[Node]:
    """``start`` and all that can be reached from it."""
    seen: set[Node] = set()
    stack = list(start)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(edges.get(node, ()))
    return seen


def inverted(edges: Mapping[Node, Iterable[Node]]) -> Mapping[Node, Set[Node]]:
    """Each arrow turned round."""
    turned: dict[Node, set[Node]] = {}
    for node, others in edges.items():
        for other in others:
            turned.setdefault(other, set()).add(node)
    return turned


def _round_trip(
    edges: Mapping[Node, Iterable[Node]],
    members: Set[Node],
    start: Node,
    key: Callable[[Node], Any],
) -> tuple[Node, ...]:
    """The shortest way from ``start`` back to itself inside ``members``."""
    trails: list[tuple[Node, ...]] = [(start,)]
    seen = {start}
    for trail in trails:
        for other in sorted((node for node in edges[trail[-1]] if node in members), key=key):
            if other == start:
                return trail
            if other not in seen:
                seen.add(other)
                trails.append((*trail, other))
    raise AssertionError("a strongly connected part without a cycle")


def _components(
    edges: Mapping[Node, Iterable[Node]], key: Callable[[Node], Any]
) -> list[list[Node]]:
    """Tarjan's strongly connected components, without recursion."""
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    found: list[list[Node]] = []
    for root in sorted(edges, key=key):
        if root in index:
            continue
        work = [(root, iter(sorted((n for n in edges[root] if n in edges), key=key)))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, others = work[-1]
            for other in others:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    inner = sorted((n for n in edges[other] if n in edges), key=key)
                    work.append((other, iter(inner)))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    cut = stack.index(node)
                    found.append(stack[cut:])
                    on_stack.difference_update(stack[cut:])
                    del stack[cut:]
    return found


def round_trip(cycle: Sequence[str]) -> str:
    """A cycle in words: ``a -> b -> a``; of a long one the middle is only counted."""
    names, more = cycle[:_SHOWN], len(cycle) - _SHOWN
    left_out = [f"… {more} more"] if more > 0 else []
    return " -> ".join([*names, *left_out, cycle[0]])
