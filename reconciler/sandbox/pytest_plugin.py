"""The pytest plugin: ``clarifai_sandbox``, a local platform of its own for each test that asks for it.

Every pytest run of an environment loads this module, so it imports nothing but pytest; what a sandbox
needs comes in when a test first wants one.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from reconciler.sandbox import Sandbox

NAME: Final = "clarifai_sandbox"
"""Of the fixture, of the marker, and of the plugin (``-p no:clarifai_sandbox``)."""

_INI: Final = {
    "scores": "file of scripted scores, relative to the ini-file",
    "legacy": "true: model versions as before January 2023",
    "seed": "number that ids are made from",
}
_ELSEWHERE: Final = (
    "CLARIFAI_APP_ID",
    "CLARIFAI_ROOT_CERTIFICATES_PATH",
    "CLARIFAI_SESSION_TOKEN",
    "CLARIFAI_UI",
    "RECONCILER_SANDBOX",
)
"""Variables that would lead the SDK or this tool to a real account, or to another sandbox."""

_LOOPBACK: Final = "127.0.0.1,localhost"
_SHOWN: Final = 20
_RUNNING: Final = pytest.StashKey["Sandbox"]()
_FOLDER: Final = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Settings for all tests of a project."""
    for name, text in _INI.items():
        parser.addini(f"{NAME}_{name}", text, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """The marker, so that ``--strict-markers`` knows it."""
    config.addinivalue_line(
        "markers",
        f"{NAME}(scores=, behaviour=, legacy=, data=, ...): how the sandbox of a test is started, "
        "with the keywords of reconciler.sandbox.Sandbox",
    )


@pytest.fixture
def clarifai_sandbox_options() -> Mapping[str, Any]:
    """Keywords of ``Sandbox`` for all tests of a folder: override it in a ``conftest.py``."""
    return {}


@pytest.fixture
def clarifai_sandbox(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    clarifai_sandbox_options: Mapping[str, Any],
) -> Iterator[Sandbox]:
    """A running sandbox with nothing in it, which the environment names as the platform.

    Started as the ini-file says, then ``clarifai_sandbox_options``, then the markers, the nearest
    last. Ids are repeatable; the state is the test's own, and gone afterwards unless ``data`` is given.
    With ``grpc_port=0``, ``CLARIFAI_API_BASE`` names the gRPC door, where the official SDK wants it.
    """
    from reconciler.errors import SandboxError
    from reconciler.sandbox import Sandbox

    wanted = {**_from_ini(request.config), **clarifai_sandbox_options}
    for marker in reversed([*request.node.iter_markers(NAME)]):
        if marker.args:
            _refuse(f"@pytest.mark.{NAME} takes keywords only, it got {marker.args[0]!r}")
        wanted |= marker.kwargs
    wanted = _settled(wanted, request)
    sandbox = Sandbox(**wanted)
    try:
        sandbox.start()
    except SandboxError as error:
        _refuse(str(error))
    request.node.stash[_RUNNING] = sandbox
    try:
        _point_here(sandbox, monkeypatch, grpc=wanted.get("grpc_port") is not None)
        yield sandbox
    finally:
        del request.node.stash[_RUNNING]
        sandbox.stop()


def _from_ini(config: pytest.Config) -> dict[str, Any]:
    found = {name: config.getini(f"{NAME}_{name}") for name in _INI}
    wanted: dict[str, Any] = {"seed": 0}
    if found["scores"]:
        wanted["scores"] = (config.inipath or config.rootpath / "-").parent / found["scores"]
    if found["legacy"]:
        word = str(found["legacy"]).strip().lower()
        if word not in ("true", "false"):
            _refuse(f"{NAME}_legacy is {found['legacy']!r} in the ini-file: say true or false")
        wanted["legacy"] = word == "true"
    if found["seed"]:
        try:
            wanted["seed"] = int(found["seed"])
        except ValueError:
            _refuse(f"{NAME}_seed is {found['seed']!r} in the ini-file: say a whole number")
    return wanted


def _settled(wanted: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """Keywords as ``Sandbox`` takes them: paths found, documents written, switches made."""
    from reconciler.sandbox import Sandbox
    from reconciler.sandbox.behaviour import Behaviour

    known = [name for name in inspect.signature(Sandbox).parameters if name != "port"]
    _check_names(wanted, known, f"@pytest.mark.{NAME}")
    behaviour = wanted.get("behaviour")
    if isinstance(behaviour, Mapping):
        switches = [*inspect.signature(Behaviour).parameters]
        _check_names(behaviour, switches, "the sandbox's behaviour")
        wanted["behaviour"] = Behaviour(**behaviour)
    scores = wanted.get("scores")
    if isinstance(scores, Mapping):
        # JSON is YAML, so a document written in the test needs no library here.
        wanted["scores"] = _own_folder(request) / "clarifai-scores.json"
        wanted["scores"].write_text(json.dumps(scores), "utf-8")
    elif scores is not None:
        wanted["scores"] = request.path.parent / scores
    data = wanted.get("data")
    if data:
        wanted["data"] = _own_folder(request) / ("clarifai-sandbox" if data is True else data)
        request.node.stash[_FOLDER] = wanted["data"]
    return {**wanted, "data": wanted.get("data") or None}


def _own_folder(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue("tmp_path")
    return folder


def _check_names(given: Mapping[str, Any], known: list[str], where: str) -> None:
    for name in given:
        if name not in known:
            near = get_close_matches(str(name), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            _refuse(f"{where} has no {name!r}: {hint}")


def _refuse(problem: str) -> NoReturn:
    pytest.fail(problem, pytrace=False)


def _point_here(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, *, grpc: bool) -> None:
    """The environment that the official SDK and this tool read; nothing of a real account stays."""
    for name in _ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    # The official SDK speaks gRPC alone, this tool REST alone; each has a variable that it asks first.
    base = sandbox.grpc_url if grpc else sandbox.base_url
    monkeypatch.setenv("CLARIFAI_API_BASE", base)
    _lead_loaded_sdk(base, monkeypatch)
    monkeypatch.setenv("RECONCILER_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("CLARIFAI_PAT", sandbox.token)
    monkeypatch.setenv("CLARIFAI_USER_ID", sandbox.user_id)
    for name in ("NO_PROXY", "no_proxy"):
        # A proxy of the machine must not stand between a test and loopback.
        monkeypatch.setenv(name, _LOOPBACK, prepend=",")


def _lead_loaded_sdk(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK reads ``CLARIFAI_API_BASE`` when it is imported, into the defaults of its classes.

    A test module that imports it at its top would so speak to the real service for good.
    """
    constants = sys.modules.get("clarifai.utils.constants")
    if constants is None:
        return
    read: str = constants.DEFAULT_BASE
    loaded = [
        (name, module) for name, module in sys.modules.items() if name.startswith("clarifai.")
    ]
    for name, module in loaded:
        if vars(module).get("DEFAULT_BASE") == read:
            monkeypatch.setattr(module, "DEFAULT_BASE", base)
        for item in [*vars(module).values()]:
            if not isinstance(item, type) or item.__module__ != name:
                continue
            init = vars(item).get("__init__")
            defaults = getattr(init, "__defaults__", None) or ()
            if read in defaults:
                led = tuple(base if value == read else value for value in defaults)
                monkeypatch.setattr(init, "__defaults__", led)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """A test that failed shows what it asked the sandbox for."""
    sandbox = item.stash.get(_RUNNING, None)
    if sandbox is None or call.when != "call" or call.excinfo is None:
        return
    item.add_report_section("call", "clarifai sandbox", _told(sandbox, item))


def _told(sandbox: Sandbox, item: pytest.Item) -> str:
    from reconciler.errors import SandboxError

    try:
        requests = sandbox.requests()
    except SandboxError:
        return "the test stopped it"
    lines = [
        f"{entry.status or 'dropped'} {entry.method} {entry.path}"
        + (f"?{entry.query}" if entry.query else "")
        for entry in requests[-_SHOWN:]
    ]
    if len(requests) > _SHOWN:
        lines.insert(0, f"... {len(requests) - _SHOWN:,} earlier requests ...")
    folder = item.stash.get(_FOLDER, None)
    if folder is not None:
        lines.append(f"its state: reconciler sandbox serve --data {folder}")
    return "\n".join(lines or ["no requests"])
