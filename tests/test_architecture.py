"""The shape of the house: who may import whom. The table is the one in docs/architecture.md."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import dag

ROOT = Path(__file__).parent.parent / "reconciler"

WORDS = (
    "errors",
    "shape",
    "origin",
    "call",
    "address",
    "dag",
    "values",
    "diagnostics",
    "json_schema",
    "catalogue",
    "resource",
    "conversation",
    "kind",
    "spec",
    "model_reference",
    "node_graph",
)
"""The shared words, in order: each may import those before it."""

ALLOWED: dict[str, set[str]] = {
    "routing": set(),
    "picture": set(),
    "api": {*WORDS},
    "kinds": {*WORDS},
    "registry": {*WORDS, "kinds"},
    "manifest": {*WORDS, "routing"},
    "planning": {*WORDS, "api.protocol"},
    "export": {
        *WORDS,
        "api.protocol",
        "planning.live",
        "planning.versions",
        "manifest.scalars",
    },
    "execution": {*WORDS, "api.protocol", "api.waiting", "planning.change", "planning.plan"},
    "report": {
        *WORDS,
        "picture",
        "planning.change",
        "planning.plan",
        "planning.diff",
        "planning.drift",
        "planning.file",
        "execution.outcome",
        "execution.annotations",
    },
    "sandbox": {"routing", "picture", "catalogue", "errors"},
}
"""What a folder may import besides itself; ``cli`` and ``__main__`` may import everything."""

ONE_IMPORTER = {
    "requests": "api/line.py",
    "deepdiff": "planning/diff.py",
    "yaml": "manifest/documents.py",
    "jsonschema": "json_schema.py",
    "click": "cli/",
}
"""Each library outside the sandbox has one user (a place that ends in ``/`` is a folder)."""

MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in ROOT.rglob("*.py")
    if "__pycache__" not in str(path)
)


def imports(module: str) -> Iterator[tuple[ast.stmt, str]]:
    """Every import of a module with its dotted name, down to what is taken from it."""
    for node in ast.walk(ast.parse((ROOT / module).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import"
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def own(module: str) -> list[str]:
    """What a module imports of this package, without the package's name."""
    prefix = "reconciler."
    return [name.removeprefix(prefix) for _, name in imports(module) if name.startswith(prefix)]


def is_within(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_table(module: str) -> None:
    top = module.split("/", maxsplit=1)[0].removesuffix(".py")
    if top in ("cli", "__main__"):
        return
    if top in WORDS:
        allowed = set(WORDS[: WORDS.index(top)])
    elif top == "__init__":
        allowed = set()
    else:
        allowed = ALLOWED[top] | {top}
    wrong = [
        name
        for name in own(module)
        if not any(is_within(name, other) for other in allowed) and name != "__version__"
    ]
    assert wrong == []


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("kinds/")])
def test_a_kind_never_imports_another_kind(module: str) -> None:
    others = [name for name in own(module) if name.startswith("kinds.")]
    if module.startswith("kinds/model_types/"):
        others = [name for name in others if not is_within(name, "kinds.model_types.base")]
    elif module == "kinds/model.py":
        others = [name for name in others if not is_within(name, "kinds.model_types")]
    elif module == "kinds/workflow.py" or module.startswith("kinds/nodes/"):
        others = [name for name in others if not is_within(name, "kinds.nodes")]
    assert others == []


@pytest.mark.parametrize(("library", "place"), ONE_IMPORTER.items(), ids=ONE_IMPORTER.keys())
def test_a_library_has_one_importer(library: str, place: str) -> None:
    users = {
        module
        for module in MODULES
        if not module.startswith("sandbox/")
        and any(name.split(".")[0] == library for _, name in imports(module))
    }
    assert users, f"nobody imports {library}: take it out of the table"
    assert all(user == place or (place.endswith("/") and user.startswith(place)) for user in users)


def test_only_the_command_line_wires_kinds_and_steps_together() -> None:
    importers = {module for module in MODULES if any(is_within(n, "registry") for n in own(module))}
    assert {module for module in importers if not module.startswith("cli/")} == set()


def test_imports_go_round_in_no_circle() -> None:
    edges = {
        module.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): own(module)
        for module in MODULES
    }
    known = set(edges)
    nearest = {
        name: {other if other in known else other.rpartition(".")[0] for other in others}
        & known - {name}
        for name, others in edges.items()
    }
    assert dag.cycles(nearest, key=str) == ()


@pytest.mark.parametrize("module", MODULES)
def test_print_exit_and_environment_belong_to_the_command_line(module: str) -> None:
    if module.startswith("cli/") or module == "__main__.py":
        return
    tree = ast.parse((ROOT / module).read_text("utf-8"))
    names = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    attributes = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert not names & {"print", "exit"}
    assert not attributes & {"sys.exit", "os.environ", "os.getenv", "sys.stdout", "sys.stderr"}


@pytest.mark.parametrize("module", [m for m in MODULES if m.endswith("__init__.py")])
def test_a_package_opens_with_a_docstring_and_holds_no_code(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text("utf-8"))
    assert ast.get_docstring(tree)
    if module not in ("__init__.py", "sandbox/__init__.py"):
        assert len(tree.body) == 1


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_stay_small(module: str) -> None:
    """Warns, as a reader would; it does not fail."""
    text = (ROOT / module).read_text("utf-8")
    large = [
        f"{module}:{node.lineno} {node.name} has {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    large += [f"{module} has {text.count(chr(10))} lines"] if text.count("\n") > 400 else []
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for line in large:
            warnings.warn(line, stacklevel=1)
    assert text.startswith('"""'), "a module opens with what it is about"
