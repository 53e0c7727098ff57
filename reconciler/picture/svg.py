"""Drawings as SVG: boxes in layers, the nodes of a layer beside one another, arrows downwards.

Nothing is painted behind the boxes, and what stands outside of them is of a middle grey, so that a
picture can be shown on a light as well as on a dark page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from types import MappingProxyType
from typing import Final

from reconciler.picture.drawing import Box, Drawing, Role
from reconciler.picture.layout import Edge, Layout, Size, arrange

_MARGIN = 20.0
_EDGE = 4.0
_TITLE = 34.0
_PADDING = 14.0
_STEM = 12.0

_SANS = "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

_LOOKS: Final[Mapping[Role, tuple[str, str]]] = MappingProxyType(
    {
        Role.INPUT: ("#57606a", "#57606a"),
        Role.EXTERNAL: ("#f6f8fa", "#768390"),
        Role.MODEL: ("#eef1f5", "#57606a"),
        Role.MAPPER: ("#f4eeff", "#8250df"),
        Role.THRESHOLD: ("#e7f3ff", "#0969da"),
        Role.SUCCESS: ("#dafbe1", "#1a7f37"),
        Role.PENDING: ("#fff4cf", "#bf8700"),
        Role.WRITER: ("#ffeff7", "#bf3989"),
    }
)
"""Fill and outline."""

_STYLE = f"""\
    .title {{ font: 600 14px {_SANS}; fill: #768390; }}
    .name {{ font: 600 13px {_SANS}; fill: #1f2328; text-anchor: middle; }}
    .start {{ font: 600 12px {_SANS}; fill: #ffffff; text-anchor: middle; }}
    .line {{ font: 11px {_MONO}; fill: #424a53; text-anchor: middle; }}
    .frame {{ fill: none; stroke: #768390; stroke-opacity: 0.35; }}
    .edge {{ fill: none; stroke: #768390; stroke-width: 1.5; }}
    .pass {{ fill: #ffffff; stroke: #0969da; stroke-width: 1; }}
"""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The measures of a box: its own, and with what hangs below it."""

    width: float
    height: float
    pass_width: float = 0.0
    pass_height: float = 0.0

    @property
    def size(self) -> Size:
        """All of it."""
        below = _STEM + self.pass_height if self.pass_height else 0.0
        return Size(max(self.width, self.pass_width), self.height + below)


@dataclass(slots=True)
class _Canvas:
    """Elements so far, and how far they reach.

    ``arrow`` is the id of the arrows' heads; if ``styled`` elsewhere, boxes say their role alone.
    """

    arrow: str = "arrow"
    styled: bool = False
    elements: list[str] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def render_svg(drawings: Sequence[Drawing]) -> str:
    """One picture, the workflows below one another."""
    canvas = _Canvas()
    top = _MARGIN
    for drawing in drawings:
        top = _draw(drawing, canvas, top) + _MARGIN
    lines = [
        _opening(canvas.width + _MARGIN, top),
        f"  <title>{_text('; '.join(drawing.title for drawing in drawings))}</title>",
        *_HEAD_OF_ARROW,
        "  <style>",
        _STYLE + "  </style>",
        *canvas.elements,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def render_figure(drawing: Drawing, number: int = 0) -> str:
    """One workflow for a page of HTML, without frame, title and colours: the page has its own.

    Elements have the classes ``box ROLE``, ``name``, ``start``, ``line``, ``edge``, ``pass`` and
    ``head``; ``number`` tells the pictures of a page apart.
    """
    canvas = _Canvas(f"arrow-{number}", styled=True)
    layout, shapes = _layout(drawing)
    _place(drawing, canvas, layout, shapes, (_EDGE, _EDGE))
    head = (line.replace('"arrow"', f'"{canvas.arrow}"') for line in _HEAD_OF_ARROW)
    lines = [
        _opening(layout.width + 2 * _EDGE, layout.height + 2 * _EDGE),
        f"  <title>{_text(drawing.title)}</title>",
        *(line.replace('fill="#768390"', 'class="head"') for line in head),
        *canvas.elements,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _opening(width: float, height: float) -> str:
    measures = f'width="{_number(width)}" height="{_number(height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {measures}'
        f' viewBox="0 0 {_number(width)} {_number(height)}" role="img">'
    )


_HEAD_OF_ARROW: Final = (
    "  <defs>",
    '    <marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8"'
    ' markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">',
    '      <path d="M0.5 0.5 L7.5 4 L0.5 7.5 Z" fill="#768390"/>',
    "    </marker>",
    "  </defs>",
)


def _draw(drawing: Drawing, canvas: _Canvas, top: float) -> float:
    """Draws one workflow below ``top``; where it ends."""
    layout, shapes = _layout(drawing)
    width = max(layout.width, _width(drawing.title, 8.0)) + 2 * _PADDING
    left = _MARGIN + _PADDING + (width - 2 * _PADDING - layout.width) / 2
    bottom = top + _TITLE + layout.height + _PADDING
    add = canvas.elements.append
    add(_rect(_MARGIN, top, Size(width, bottom - top), 10, 'class="frame"'))
    add(f'  <text x="{_number(_MARGIN + _PADDING)}" y="{_number(top + 23)}" class="title">'
        f"{_text(drawing.title)}</text>")  # fmt: skip
    _place(drawing, canvas, layout, shapes, (left, top + _TITLE))
    canvas.width = max(canvas.width, _MARGIN + width)
    return bottom


def _layout(drawing: Drawing) -> tuple[Layout, Mapping[str, _Shape]]:
    shapes = {key: _shape(box) for key, box in drawing.boxes.items()}
    return arrange({key: shape.size for key, shape in shapes.items()}, drawing.arrows), shapes


def _place(
    drawing: Drawing,
    canvas: _Canvas,
    layout: Layout,
    shapes: Mapping[str, _Shape],
    corner: tuple[float, float],
) -> None:
    """Adds boxes and arrows, the upper left corner of all there."""
    left, down = corner
    arrow = f'class="edge" marker-end="url(#{canvas.arrow})"'
    for edge in layout.edges:
        canvas.elements.append(f'  <path d="{_path(edge, left, down)}" {arrow}/>')
    for key, box in drawing.boxes.items():
        x, y = layout.places[key]
        look = f'class="box {box.role}"' if canvas.styled else _look(box.role)
        canvas.elements += _box(box, shapes[key], left + x, down + y, look)


def _look(role: Role) -> str:
    fill, outline = _LOOKS[role]
    dashes = ' stroke-dasharray="5 3"' if role is Role.EXTERNAL else ""
    return f'fill="{fill}" stroke="{outline}" stroke-width="1.5"{dashes}'


def _shape(box: Box) -> _Shape:
    if box.role is Role.INPUT:
        return _Shape(86.0, 28.0)
    widths = [_width(box.title, 7.6), *(_width(line, 6.7) for line in box.lines)]
    passes = [_width(line, 6.7) for line in box.passes]
    return _Shape(
        max(130.0, max(widths) + 2 * _PADDING),
        31.0 + 16.0 * len(box.lines),
        max(passes) + 20.0 if passes else 0.0,
        16.0 * len(passes) + 8.0 if passes else 0.0,
    )


def _box(box: Box, shape: _Shape, center: float, top: float, look: str) -> Iterator[str]:
    """A box around ``center``, and below it what it lets pass."""
    x = center - shape.width / 2
    if box.role is Role.INPUT:
        yield _rect(x, top, Size(shape.width, shape.height), shape.height / 2, look)
        yield _line(center, top + 18.5, "start", box.title)
        return
    yield _rect(x, top, Size(shape.width, shape.height), 7, look)
    yield _line(center, top + 20, "name", box.title)
    for number, line in enumerate(box.lines):
        yield _line(center, top + 37 + 16 * number, "line", line)
    if not box.passes:
        return
    low = top + shape.height
    yield f'  <path d="M{_number(center)} {_number(low)} v{_number(_STEM)}" class="edge"/>'
    x, low = center - shape.pass_width / 2, low + _STEM
    yield _rect(x, low, Size(shape.pass_width, shape.pass_height), 11, 'class="pass"')
    for number, line in enumerate(box.passes):
        yield _line(center, low + 15.5 + 16 * number, "line", line)


def _rect(left: float, top: float, size: Size, radius: float, look: str) -> str:
    corner = f'x="{_number(left)}" y="{_number(top)}"'
    measures = f'width="{_number(size.width)}" height="{_number(size.height)}"'
    return f'  <rect {corner} {measures} rx="{_number(radius)}" {look}/>'


def _line(x: float, y: float, look: str, text: str) -> str:
    return f'  <text x="{_number(x)}" y="{_number(y)}" class="{look}">{_text(text)}</text>'


def _path(edge: Edge, left: float, top: float) -> str:
    """A curve that leaves and arrives vertically, straight where it passes other boxes."""
    (x, y), *rest = ((left + x, top + y) for x, y in edge)
    steps = [f"M{_number(x)} {_number(y)}"]
    for to_x, to_y in rest:
        if to_x == x:
            steps.append(f"V{_number(to_y)}")
        else:
            middle = _number((y + to_y) / 2)
            steps.append(
                f"C{_number(x)} {middle} {_number(to_x)} {middle} {_number(to_x)} {_number(to_y)}"
            )
        x, y = to_x, to_y
    return " ".join(steps)


def _number(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _width(text: str, each: float) -> float:
    """About how wide a text is, if a letter is ``each`` wide: fonts differ, so rather too much."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return each * (len(text) + wide)


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), quote=False)


_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
