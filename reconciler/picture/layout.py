"""Where the nodes of a small directed graph go: in layers from top to bottom, with few crossings.

The usual steps: layers by the longest way from a source, stand-ins where an arrow passes a layer,
neighbours near one another by sweeps, then the nearest columns that overlap nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

_SWEEPS = 12
_BESIDE = 28.0
_BELOW = 38.0
_LANE = 10.0

_Node: TypeAlias = tuple[str, ...]
"""A box by its key, or a stand-in by source, target and layer."""

Edge: TypeAlias = tuple[tuple[float, float], ...]
"""The points that an arrow goes through, straight down from the second to the third, and so on."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """``places``: the middle of each box's upper side."""

    places: Mapping[str, tuple[float, float]]
    edges: tuple[Edge, ...]
    width: float
    height: float


def arrange(sizes: Mapping[str, Size], arrows: Sequence[tuple[str, str]]) -> Layout:
    """A layout of boxes given so that each comes after those that point at it; deterministic."""
    depth = _depths(sizes, arrows)
    routes = [_route(source, target, depth) for source, target in arrows]
    layers: list[list[_Node]] = [[] for _ in range(max(depth.values()) + 1)]
    for key, layer in depth.items():
        layers[layer].append((key,))
    for route in routes:
        for offset, node in enumerate(route[1:-1], 1):
            layers[depth[route[0][0]] + offset].append(node)
    below: dict[_Node, list[_Node]] = {node: [] for layer in layers for node in layer}
    above: dict[_Node, list[_Node]] = {node: [] for layer in layers for node in layer}
    for route in routes:
        for upper, lower in pairwise(route):
            below[upper].append(lower)
            above[lower].append(upper)
    layers = _untangled(layers, above, below)
    widths = {n: sizes[n[0]].width if len(n) == 1 else _LANE for layer in layers for n in layer}
    columns = _columns(layers, widths, above, below)
    heights = [
        max((sizes[n[0]].height for n in layer if len(n) == 1), default=0.0) for layer in layers
    ]
    tops = [sum(heights[:number]) + _BELOW * number for number in range(len(layers))]
    ends = [
        (columns[node] - widths[node] / 2, columns[node] + widths[node] / 2) for node in columns
    ]
    left, right = min(end[0] for end in ends), max(end[1] for end in ends)
    columns = {node: round(x - left, 1) for node, x in columns.items()}
    places = {key: (columns[(key,)], tops[layer]) for key, layer in depth.items()}
    edges = tuple(_edge(route, depth, sizes, columns, (tops, heights)) for route in routes)
    return Layout(places, edges, right - left, tops[-1] + heights[-1])


def _depths(sizes: Iterable[str], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    depth = dict.fromkeys(sizes, 0)
    sources: dict[str, list[str]] = {key: [] for key in depth}
    for source, target in arrows:
        sources[target].append(source)
    for key in depth:
        depth[key] = max((depth[source] + 1 for source in sources[key]), default=0)
    return depth


def _route(source: str, target: str, depth: Mapping[str, int]) -> list[_Node]:
    passed = range(depth[source] + 1, depth[target])
    return [(source,), *((source, target, str(layer)) for layer in passed), (target,)]


def _untangled(
    layers: list[list[_Node]],
    above: Mapping[_Node, Sequence[_Node]],
    below: Mapping[_Node, Sequence[_Node]],
) -> list[list[_Node]]:
    """Each layer in the order of its neighbours' middles: the best order of some sweeps."""
    best, fewest = layers, _crossings(layers, below)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        layers = [list(layer) for layer in layers]
        numbers = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for number in numbers:
            other = layers[number - 1 if down else number + 1]
            layers[number] = _sorted(layers[number], other, above if down else below)
        crossings = _crossings(layers, below)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _sorted(
    layer: Sequence[_Node], other: Sequence[_Node], near: Mapping[_Node, Sequence[_Node]]
) -> list[_Node]:
    """A layer in the order of the middles of its neighbours in another one."""
    at = {node: place for place, node in enumerate(other)}
    middles = {
        node: _mean([at[to] for to in near[node]], place) for place, node in enumerate(layer)
    }
    return sorted(layer, key=middles.__getitem__)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(layers: Sequence[Sequence[_Node]], below: Mapping[_Node, Sequence[_Node]]) -> int:
    count = 0
    for upper, lower in pairwise(layers):
        at = {node: place for place, node in enumerate(lower)}
        ends = [at[to] for node in upper for to in sorted(below[node], key=at.__getitem__)]
        count += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return count


def _columns(
    layers: Sequence[Sequence[_Node]],
    widths: Mapping[_Node, float],
    above: Mapping[_Node, Sequence[_Node]],
    below: Mapping[_Node, Sequence[_Node]],
) -> dict[_Node, float]:
    """The middle of each node: near the middle of its neighbours', in order, nowhere overlapping."""
    columns: dict[_Node, float] = {}
    for layer in layers:
        columns |= _apart(layer, [0.0] * len(layer), widths)
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        for layer in layers if down else reversed(layers):
            wanted = [_mean([columns[o] for o in near[n]], columns[n]) for n in layer]
            columns |= _apart(layer, wanted, widths)
    return columns


def _apart(
    layer: Sequence[_Node], wanted: Sequence[float], widths: Mapping[_Node, float]
) -> dict[_Node, float]:
    """Places as near to those wanted as order and room allow (least squares: pooled neighbours)."""
    offsets: list[float] = []
    for number, node in enumerate(layer):
        before = layer[number - 1] if number else None
        room = (widths[before] + widths[node]) / 2 + _BESIDE if before else 0.0
        offsets.append((offsets[-1] if offsets else 0.0) + room)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while pools and pools[-1][0] > mean:
            other, others = pools.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        pools.append((mean, count))
    starts = [mean for mean, count in pools for _ in range(count)]
    return {
        node: start + offset for node, start, offset in zip(layer, starts, offsets, strict=True)
    }


def _edge(
    route: Sequence[_Node],
    depth: Mapping[str, int],
    sizes: Mapping[str, Size],
    columns: Mapping[_Node, float],
    rows: tuple[Sequence[float], Sequence[float]],
) -> Edge:
    tops, heights = rows
    first, last = route[0], route[-1]
    layer = depth[first[0]]
    points = [(columns[first], tops[layer] + sizes[first[0]].height)]
    # a low box in a high layer: straight down to the layer's end, so that no curve meets a box
    points += [(columns[first], tops[layer] + heights[layer])]
    for offset, node in enumerate(route[1:-1], 1):
        top = tops[layer + offset]
        points += [(columns[node], top), (columns[node], top + heights[layer + offset])]
    points.append((columns[last], tops[depth[last[0]]]))
    return tuple(dict.fromkeys(points))
