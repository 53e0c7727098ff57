"""Whatever stands in a manifest, what comes out is a manifest or a list of problems, soon.

No text, bytes or YAML tree, as manifest, overlay or variable file, brings a traceback, more than
30,000,000 calls or more than 200 MB. ``make test-long`` (``LONG=1``) tries more than 20,000 cases.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manifest.trees import CORRECT, SDK, bent, keys, trees

ROOT = Path(__file__).parents[2]
LONG = bool(os.environ.get("LONG"))
CALLS, MEGABYTES = 30_000_000, 200
WALL = 300.0
"""Seconds after which a case hangs, however busy the machine is."""

many = settings(
    max_examples=4200 if LONG else 70,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Worker:
    """The process that loads; another one after each that died."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self, **case: Any) -> None:
        """Loads one case and holds it to the limits. Bytes are sent as latin-1."""
        case = {k: v.decode("latin-1") if isinstance(v, bytes) else v for k, v in case.items()}
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(case).encode() + b"\n")
            process.stdin.flush()
            with selectors.DefaultSelector() as ready:
                ready.register(process.stdout, selectors.EVENT_READ)
                assert ready.select(WALL), "it hangs"
            line = process.stdout.readline()
            assert line, "the process died"
        except BaseException:
            self.close()
            raise
        calls, told = json.loads(line)
        assert not told, told
        assert calls < CALLS

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "manifest.fuzz_worker", str(MEGABYTES)],
                cwd=ROOT / "tests",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self.process

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="module")
def withstands() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


# --- what is tried

CORPUS = [
    path.read_bytes()
    for folder in ("manifests", "tests/cases")
    for path in sorted((ROOT / folder).rglob("*.y*ml"))
    if path.is_file()
]
SPLINTERS = [
    " ", "  ", "\n", "\n\n", "\t", "\r\n", "\x00", "\x85", "\u2028", "\ufeff", "é", "😀", "#", ": ",
    ":", ",", "- ", "? ", "{", "}", "[", "]", "{}", "[]", "''", '"', "'", "|\n", ">-\n  x", "|2\n",
    "&a ", "*a", "<<: *a", "!!str ", "!x ", "!!float ", "%YAML 1.1\n", "---\n", "...\n", "~", "null",
    "true", ".nan", "-.inf", "1e999", "0x", "0o9", "9" * 400, "12e4", "1_0", "1:30", "${", "${A}",
    "${${A}}", "$${A}", "app:", "workflow:\n", "nodes:\n", "id: ", "moved:\n", "variables:\n", "\\",
    "\ud83d", "a" * 500, "concepts:\n", "models:\n  m:\n", "from: model.a", "checks: {RC501: off}",
]  # fmt: skip
PIECES = [splinter.encode("utf-8", "surrogatepass") for splinter in SPLINTERS]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A manifest of the repository, hit a few times."""
    text = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 3, 20, 200])))
        match draw(st.integers(0, 4)):
            case 0 | 1:
                text = text[:start] + draw(st.sampled_from(PIECES)) + text[end:]
            case 2:
                text = text[:start] + draw(st.binary(max_size=4)) + text[end:]
            case 3:
                text = text[:start] + text[start:end] * draw(st.integers(2, 4)) + text[end:]
            case _:
                lines = text.split(b"\n")
                at = draw(st.integers(0, len(lines) - 1))
                line = lines.pop(at)
                other = draw(st.integers(0, len(lines)))
                lines.insert(other, draw(st.sampled_from([b"", b" ", b"  ", b"- "])) + line)
                text = b"\n".join(lines)
    return text


def written(tree: Any) -> bytes:
    """JSON is YAML, and says every string as one."""
    return json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")


variables = st.dictionaries(
    st.sampled_from(["A", "N", "B", "", "FILE"]), st.text(max_size=6) | st.just("0.5"), max_size=2
)

# --- the law


@many
@given(base=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_text_or_bytes(withstands: Worker, base: bytes) -> None:
    withstands(base=base)


@many
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_pieces_of_yaml(withstands: Worker, pieces: list[bytes]) -> None:
    withstands(base=b"".join(pieces))


@many
@given(base=damaged(), overlay=st.none() | damaged(), file=st.none() | damaged())
def test_damaged_manifests(
    withstands: Worker, base: bytes, overlay: bytes | None, file: bytes | None
) -> None:
    more = {"overlay": overlay, "vars": file}
    withstands(base=base, **{name: text for name, text in more.items() if text is not None})


@many
@given(base=trees | st.dictionaries(keys, trees, max_size=5), file=trees, variables=variables)
def test_any_tree(withstands: Worker, base: Any, file: Any, variables: dict[str, str]) -> None:
    withstands(base=written(base), vars=written(file), variables=variables)


@many
@given(
    base=bent(CORRECT) | st.just(CORRECT),
    overlay=bent(CORRECT) | st.dictionaries(keys, trees, max_size=3),
    variables=variables,
)
def test_bent_manifests_under_bent_overlays(
    withstands: Worker, base: Any, overlay: Any, variables: dict[str, str]
) -> None:
    withstands(base=written(base), overlay=written(overlay), variables=variables)
    withstands(base=written(base), variables=variables)


@many
@given(base=bent(SDK))
def test_bent_files_of_the_sdk(withstands: Worker, base: Any) -> None:
    withstands(base=written(base))


# --- what is made to hurt


def _laughs(count: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, count)]
    return "\n".join(lines)


def _workflow(nodes: int, inputs: int) -> str:
    lines = ["workflows:\n  w:\n    nodes:"]
    for n in range(nodes):
        behind = ", ".join(f"n{m}" for m in range(max(0, n - inputs), n))
        lines.append(f"      - {{id: n{n}, model: t, node_inputs: [{behind}]}}")
    return "\n".join(lines)


THRESHOLDER = (
    "app: {id: a}\nconcepts: [c]\nmodels:\n  t: {model_type_id: concept-threshold,"
    " concept_threshold_type: LESS_THAN, thresholds: {c: 0.5}}\n"
)
BOMBS = {
    "laughs": _laughs(20),
    "laughs in metadata": "app:\n  metadata:\n    " + _laughs(7).replace("\n", "\n    "),
    "an alias of itself": "app: &a {metadata: *a}",
    "depth in flow": "app: " + "[" * 100_000,
    "depth in blocks": "".join(f"{' ' * n}- \n" for n in range(2000)),
    "depth of keys": "".join(f"{' ' * n}a:\n" for n in range(2000)),
    "a long number": "app: {id: " + "9" * 1_000_000 + "}",
    "a long text": "app: {id: a, description: " + "x" * 2_000_000 + "}",
    "a long key": "x" * 1_000_000 + ": a",
    "unknown keys": "\n".join(f"key{n}: a" for n in range(5000)),
    "unknown keys of a resource": "app:\n" + "\n".join(f"  key{n}: a" for n in range(3000)),
    "doubles": "concepts: [" + ", ".join(["c"] * 6_000) + "]",
    "uses of what is not declared": 'app: {description: "' + "${A}" * 50_000 + '"}',
    "uses without an end": 'app: {description: "' + "${" * 50_000 + '"}',
    "variables in a chain": "variables:\n"
    + "\n".join(f'  V{n}: {{default: "${{V{n + 1}}}"}}' for n in range(3000)),
    "variables that double": "variables:\n  V0: {default: xxxxxxxx}\n"
    + "\n".join(f'  V{n}: {{default: "${{V{n - 1}}}${{V{n - 1}}}"}}' for n in range(1, 40))
    + '\napp: {description: "${V39}"}',
    "variables in a circle": "variables:\n"
    + "\n".join(f'  V{n}: {{default: "${{V{(n + 1) % 3000}}}"}}' for n in range(3000)),
    "many nodes": THRESHOLDER + _workflow(2000, 1),
    "many edges": THRESHOLDER + _workflow(400, 400),
    "many paths": THRESHOLDER + _workflow(20, 20),
    "many workflows of many paths": THRESHOLDER
    + "workflows:\n"
    + "".join(_workflow(20, 20).replace("workflows:\n  w:", f"  w{n}:") + "\n" for n in range(50)),
    "a circle of nodes": THRESHOLDER
    + "workflows: {w: {nodes: ["
    + ", ".join(f"{{id: n{n}, model: t, node_inputs: [n{(n + 1) % 3000}]}}" for n in range(3000))
    + "]}}",
    "references to nothing": "models:\n"
    + "".join(f"  model-{n}: {{model_type_id: image-crop}}\n" for n in range(2000))
    + "workflows: {w: {nodes: ["
    + ", ".join(f"{{id: n{n}, model: modle-{n}}}" for n in range(2000))
    + "]}}",
    "many documents": "---\n" * 20_000,
    "many broken documents": "--- [\n" * 5_000,
    "renames": "moved:\n" + "".join(f"  - {{from: model.a{n}, to: model.b}}\n" for n in range(3000)),
    "a chain of renames": "moved:\n"
    + "".join(f"  - {{from: model.a{n}, to: model.a{n + 1}}}\n" for n in range(3000)),
    "thresholds": "app: {id: a}\nconcepts: ["
    + ", ".join(f"c{n}" for n in range(3000))
    + "]\nmodels: {t: {model_type_id: concept-threshold, concept_threshold_type: 1, thresholds: {"
    + ", ".join(f"c{n}: 0.5" for n in range(3000))
    + "}}}\n"
    + _workflow(20, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_no_danger(withstands: Worker, name: str) -> None:
    withstands(base=BOMBS[name].encode())


def test_an_overlay_can_be_a_bomb_too(withstands: Worker) -> None:
    overlay = "workflows: {w: {nodes: [" + ", ".join(f"{{id: x{n}}}" for n in range(2000)) + "]}}"
    withstands(base=(THRESHOLDER + _workflow(2000, 1)).encode(), overlay=overlay.encode())
