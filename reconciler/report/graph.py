"""Drawings of workflows as text: Mermaid, Graphviz dot, SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from reconciler.picture.drawing import Drawing, Role
from reconciler.picture.svg import render_svg

# --- Mermaid

_MERMAID_CLASSES: Final = MappingProxyType(
    {
        Role.INPUT: "fill:#57606a,stroke:#57606a,color:#ffffff",
        Role.EXTERNAL: "fill:#f6f8fa,stroke:#768390,color:#1f2328,stroke-dasharray:5 3",
        Role.MODEL: "fill:#eef1f5,stroke:#57606a,color:#1f2328",
        Role.MAPPER: "fill:#f4eeff,stroke:#8250df,color:#1f2328",
        Role.THRESHOLD: "fill:#e7f3ff,stroke:#0969da,color:#1f2328",
        Role.SUCCESS: "fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
        Role.PENDING: "fill:#fff4cf,stroke:#bf8700,color:#1f2328",
        Role.WRITER: "fill:#ffeff7,stroke:#bf3989,color:#1f2328",
    }
)
_MERMAID_SHAPES: Final = MappingProxyType(
    {
        Role.INPUT: ("([", "])"),
        Role.EXTERNAL: ("[[", "]]"),
        Role.THRESHOLD: ("{{", "}}"),
        Role.SUCCESS: ("[/", "/]"),
        Role.PENDING: ("[/", "/]"),
        Role.WRITER: ("[/", "/]"),
    }
)


def render_mermaid(drawings: Sequence[Drawing]) -> str:
    """A flowchart with one part for each workflow."""
    lines = ["flowchart TB"]
    roles: list[Role] = []
    for index, drawing in enumerate(drawings):
        lines.append(f'  subgraph w{index}["{_mermaid(drawing.title)}"]')
        for key, box in drawing.boxes.items():
            opening, closing = _MERMAID_SHAPES.get(box.role, ("[", "]"))
            text = "<br/>".join(map(_mermaid, drawing.told(key)))
            lines.append(f'    w{index}{key}{opening}"{text}"{closing}:::{box.role}')
            roles.append(box.role)
        for source, target in drawing.arrows:
            passes = "<br/>".join(map(_mermaid, drawing.boxes[source].passes))
            label = f'|"{passes}"|' if passes else ""
            lines.append(f"    w{index}{source} -->{label} w{index}{target}")
        lines.append("  end")
    used = (role for role in Role if role in roles)
    lines += [f"  classDef {role} {_MERMAID_CLASSES[role]}" for role in used]
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    """Letters, digits and what no reader of a label takes for markup; the rest by code point."""
    return "".join(
        # a list would begin with a dash or a number, a dot and a blank
        c if c.isalnum() or (c in _HARMLESS and (after != " " or c not in "-.+")) else f"#{ord(c)};"
        for c, after in zip(text, f"{text[1:]}.", strict=True)
    )


_HARMLESS = frozenset(" -_./,:@()+=…")


# --- dot

_DOT_LOOK: Final = MappingProxyType(
    {
        Role.INPUT: 'style="rounded,filled", fillcolor="#57606a", color="#57606a", fontcolor="#ffffff"',
        Role.EXTERNAL: 'style="rounded,filled,dashed", fillcolor="#f6f8fa", color="#768390"',
        Role.MODEL: 'fillcolor="#eef1f5", color="#57606a"',
        Role.MAPPER: 'fillcolor="#f4eeff", color="#8250df"',
        Role.THRESHOLD: 'fillcolor="#e7f3ff", color="#0969da"',
        Role.SUCCESS: 'fillcolor="#dafbe1", color="#1a7f37"',
        Role.PENDING: 'fillcolor="#fff4cf", color="#bf8700"',
        Role.WRITER: 'fillcolor="#ffeff7", color="#bf3989"',
    }
)


def render_dot(drawings: Sequence[Drawing]) -> str:
    """A directed graph with one cluster for each workflow."""
    lines = [
        "digraph workflows {",
        '  graph [rankdir=TB, fontname="Helvetica", bgcolor="transparent", color="#768390",'
        ' fontcolor="#768390"];',
        '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11,'
        ' fontcolor="#1f2328"];',
        '  edge [fontname="Helvetica", fontsize=10, color="#768390", fontcolor="#768390"];',
    ]
    for index, drawing in enumerate(drawings):
        lines.append(f"  subgraph cluster_w{index} {{")
        lines.append(f"    label={_dot([drawing.title])};")
        for key, box in drawing.boxes.items():
            label = _dot(drawing.told(key))
            lines.append(f"    w{index}{key} [label={label}, {_DOT_LOOK[box.role]}];")
        for source, target in drawing.arrows:
            passes = drawing.boxes[source].passes
            label = f" [label={_dot(passes)}]" if passes else ""
            lines.append(f"    w{index}{source} -> w{index}{target}{label};")
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def _dot(lines: Iterable[str]) -> str:
    """A quoted label: a backslash would begin an escape, an ampersand an entity."""
    escaped = (
        line.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in lines
    )
    return '"' + "\\n".join(escaped) + '"'


Renderer: TypeAlias = Callable[[Sequence[Drawing]], str]
RENDERERS: Final[Mapping[str, Renderer]] = MappingProxyType(
    {"mermaid": render_mermaid, "dot": render_dot, "svg": render_svg}
)
"""By the name that ``--format`` takes."""
