"""Whether a place lies within what a search draws: a box between two corners, or a circle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from reconciler.sandbox.searching.query import bad

Within: TypeAlias = Callable[[Any], bool]

_EARTH_KM: Final = 6371.0088
_MILE_KM: Final = 1.609344
_LIMITS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "withinMiles": _MILE_KM,
        "withinKilometers": 1.0,
        "withinDegrees": math.radians(1) * _EARTH_KM,
        "withinRadians": _EARTH_KM,
    }
)
_DEFAULT_KM: Final = 10 * _MILE_KM
_CORNERS: Final = 2


def within(geo: Any) -> Within:
    """Whether a ``GeoPoint`` lies in what ``geo`` draws. Raises 40002 if it draws nothing."""
    tests: list[Within] = []
    if geo.geo_box:
        tests.append(_box(geo.geo_box))
    if geo.HasField("geo_point"):
        tests.append(_circle(geo))
    elif geo.HasField("geo_limit"):
        raise bad("a geo_limit needs a geo_point")
    if not tests:
        raise bad("a geo filter needs a geo_point or a geo_box")
    return lambda point: all(test(point) for test in tests)


def _box(corners: Any) -> Within:
    if len(corners) != _CORNERS:
        raise bad(f"a geo_box has {_CORNERS} corners, not {len(corners)}")
    points = [corner.geo_point for corner in corners]
    west, east = sorted(point.longitude for point in points)
    south, north = sorted(point.latitude for point in points)
    return lambda point: west <= point.longitude <= east and south <= point.latitude <= north


def _circle(geo: Any) -> Within:
    """Around a point; without a limit that of the official client's own default, ten miles."""
    limit = geo.geo_limit
    if limit.type not in ("", *_LIMITS):
        raise bad(f"geo_limit.type '{limit.type}' is none of {', '.join(_LIMITS)}")
    most = limit.value * _LIMITS[limit.type or "withinMiles"] if limit.value else _DEFAULT_KM
    centre = geo.geo_point
    return lambda point: distance_km(centre, point) <= most


def distance_km(one: Any, other: Any) -> float:
    """The way between two points over a round earth."""
    north_south = math.radians(other.latitude - one.latitude) / 2
    east_west = math.radians(other.longitude - one.longitude) / 2
    slant = math.cos(math.radians(one.latitude)) * math.cos(math.radians(other.latitude))
    part = math.sin(north_south) ** 2 + slant * math.sin(east_west) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(max(0.0, part))))
