"""Values that know where they stand: what a YAML text becomes before any schema sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.diagnostics import Diagnostic, problem
from reconciler.origin import Origin


@dataclass(slots=True, eq=False)
class _Placed:
    """Lines and columns count from 1."""

    file: str
    line: int
    column: int

    @property
    def origin(self) -> Origin:
        """Where the value begins."""
        return Origin(self.file, self.line, self.column)


@dataclass(slots=True, eq=False)
class Scalar(_Placed):
    """``text`` is what stands there; ``plain`` says that it stands there without quotes or tag.

    ``value`` is None, a bool, an int, a finite float or a text. A field declared as text takes
    ``text``, so that an id such as ``12e4`` stays what it is.
    """

    value: Any
    text: str
    plain: bool


@dataclass(slots=True, eq=False)
class Mapping(_Placed):
    """In the order of the file; ``key_places`` holds line and column of each key.

    ``key_files`` names the file of those keys that another file laid over this mapping; ``doubled``
    has those that were given once more, with a value that is not here.
    """

    items: dict[str, Node]
    key_places: dict[str, tuple[int, int]]
    key_files: dict[str, str] | None = None
    doubled: frozenset[str] = frozenset()

    def key_origin(self, key: str) -> Origin:
        """Where the key stands; the mapping's own place for a key that it does not have."""
        line, column = self.key_places.get(key, (self.line, self.column))
        return Origin((self.key_files or {}).get(key, self.file), line, column)


@dataclass(slots=True, eq=False)
class Sequence(_Placed):
    """A list, in the order of the file."""

    items: list[Node]


Node: TypeAlias = Scalar | Mapping | Sequence


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file. Where the file has errors, stand-ins fill their places."""

    root: Node
    file: str


def plain(node: Node, scalar: Callable[[Scalar], Any] | None = None) -> Any:
    """Ordinary data: dict, list, and what ``scalar`` makes of each scalar (its value unless given)."""
    if type(node) is Scalar:
        return node.value if scalar is None else scalar(node)
    if type(node) is Mapping:
        return {key: plain(item, scalar) for key, item in node.items.items()}
    assert type(node) is Sequence
    return [plain(item, scalar) for item in node.items]


def find(root: Node, path: tuple[str | int, ...]) -> Node | None:
    """The node at a path of keys and indices, if it is there."""
    node: Node | None = root
    for step in path:
        node = _child(node, step) if node is not None else None
    return node


def locate(root: Node, path: tuple[str | int, ...], *, key: bool = False) -> Origin:
    """Where the value at a path stands, or its key if asked for.

    Steps that lead nowhere are passed over (a validator's path also names the branch it was in), so
    the answer is the nearest place there is.
    """
    node, at_key = root, root.origin
    for step in path:
        child = _child(node, step)
        if child is not None:
            at_key = node.key_origin(str(step)) if type(node) is Mapping else child.origin
            node = child
    return at_key if key else node.origin


def _child(node: Node, step: str | int) -> Node | None:
    if type(node) is Mapping:
        return node.items.get(step if isinstance(step, str) else str(step))
    if type(node) is Sequence and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def describe(node: Node) -> str:
    """What a node is, for messages: ``a mapping``, ``text 'abc'``, ``number 12e4``, ``nothing``."""
    if type(node) is Mapping:
        return "a mapping"
    if type(node) is Sequence:
        return "a list"
    assert type(node) is Scalar
    shown = cut(node.text)
    match node.value:
        case None:
            return f"nothing ({shown})" if shown else "nothing"
        case bool():
            return shown
        case int() | float():
            return f"number {shown}"
        case _:
            return f"text {shown!r}"


def mapping_root(document: Document) -> Mapping | Diagnostic:
    """The mapping that a document is; an empty document is an empty mapping."""
    root = document.root
    if type(root) is Mapping:
        return root
    if type(root) is Scalar and root.value is None:
        return Mapping(root.file, root.line, root.column, {}, {})
    message = f"expected a mapping at the top of the document, got {describe(root)}"
    return problem("RC007", message, root.origin, hint="write 'key: value' lines")


def cut(text: str) -> str:
    """A text short enough for a message."""
    return text if len(text) <= 40 else text[:39] + "…"
