"""The command line as a person uses it: a real process, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from planted import PLANTED

from reconciler.sandbox import Sandbox

MANIFESTS = Path(__file__).parents[2] / "manifests"

DEADLINE = 300.0
"""Seconds after which something that should have happened counts as missing."""


@dataclass(frozen=True)
class Ended:
    """How one command ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Tool:
    """Runs ``reconciler`` against one service from one folder."""

    folder: Path
    base_url: str = ""
    token: str = PLANTED
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def on(cls, sandbox: Sandbox, folder: Path, **environment: str) -> Tool:
        """Against a sandbox that runs already, which takes any number of requests a second."""
        environment = {"RECONCILER_MAX_RPS": "1000", **environment}
        return cls(folder, sandbox.base_url, sandbox.token, environment)

    def environ(self) -> dict[str, str]:
        """The environment of a command: nothing of the caller's that the tool reads."""
        kept = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("CLARIFAI_", "RECONCILER_")) and k != "NO_COLOR"
        }
        named = {"CLARIFAI_API_BASE": self.base_url, "CLARIFAI_PAT": self.token}
        return {**kept, **{k: v for k, v in named.items() if v}, **self.environment}

    def __call__(self, *arguments: str | Path, stdin: str = "") -> Ended:
        """Runs one command to its end."""
        ended = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environ(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return self.checked(ended.returncode, ended.stdout, ended.stderr)

    def done(self, *arguments: str | Path) -> str:
        """Runs a command that has to succeed; its stdout."""
        ended = self(*arguments)
        assert ended.status == 0, ended.err + ended.out
        return ended.out

    def command(self, *arguments: str | Path) -> list[str]:
        """What is run."""
        return [sys.executable, "-m", "reconciler", *map(str, arguments)]

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Begins a command; ``end`` waits for it."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, running: subprocess.Popen[str]) -> Ended:
        """How a command ended that was begun with ``start``."""
        try:
            out, err = running.communicate(timeout=300)
        finally:
            running.kill()
        return self.checked(running.returncode, out, err)

    def checked(self, status: int, out: str, err: str) -> Ended:
        """What holds of every command: no traceback, no token."""
        assert "Traceback" not in err, err
        assert self.token not in out + err
        return Ended(status, out, err)


def eventually(happened: Callable[[], bool], what: str) -> None:
    """Waits until something is the case."""
    deadline = time.monotonic() + DEADLINE
    while not happened():
        assert time.monotonic() < deadline, f"not within {DEADLINE:g} s: {what}"
        time.sleep(0.01)


def people(folder: Path, app: str, *changes: tuple[str, str]) -> Path:
    """The manifest of ``manifests/people`` for another app, with texts replaced."""
    text = (MANIFESTS / "people" / "app.yaml").read_text("utf-8")
    for old, new in (("people-auto-annotation", app), *changes):
        assert old in text, f"{old!r} does not stand in the manifest"
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{app}.yaml"
    path.write_text(text, "utf-8")
    return path


def writes(sandbox: Sandbox, app: str = "") -> list[str]:
    """Every request so far that was no GET, with its method."""
    return [
        f"{entry.method} {entry.path}"
        for entry in sandbox.requests()
        if entry.method != "GET" and app in entry.path
    ]
