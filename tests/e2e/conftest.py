"""What the end-to-end tests share: one sandbox a module, and the command line in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from e2e.tool import Ended
from planted import PLANTED

from reconciler.cli.main import run
from reconciler.sandbox import Sandbox

TOKEN = PLANTED
"""Let in by the sandbox of a module, and nowhere to be seen."""


@pytest.fixture(scope="module")
def platform() -> Iterator[Sandbox]:
    """One sandbox for all tests of a module; each uses an app of its own."""
    with Sandbox(pat=TOKEN) as running:
        yield running


@dataclass(frozen=True)
class Here:
    """Runs commands in this process: what a process of its own would add costs most of a second."""

    folder: Path
    environment: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    @classmethod
    def on(
        cls,
        sandbox: Sandbox,
        folder: Path,
        environment: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> Self:
        """With a sandbox as its service."""
        for name in ("CLARIFAI_USER_ID", "CLARIFAI_APP_ID", "NO_COLOR"):
            environment.delenv(name, raising=False)
        environment.chdir(folder)
        environment.setenv("CLARIFAI_API_BASE", sandbox.base_url)
        environment.setenv("CLARIFAI_PAT", sandbox.token)
        environment.setenv("RECONCILER_MAX_RPS", "1000")
        return cls(folder, environment, capsys)

    def __call__(self, *arguments: str | Path) -> Ended:
        """Runs one command to its end."""
        self.capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        out, err = self.capsys.readouterr()
        assert TOKEN not in out + err
        assert "Traceback" not in err
        assert "\x1b" not in out + err, "escape codes without a terminal"
        return Ended(status, out, err)

    def done(self, *arguments: str | Path) -> str:
        """Runs a command that has to succeed; its stdout."""
        ended = self(*arguments)
        assert ended.status == 0, ended.err + ended.out
        return ended.out

    def set(self, **variables: str | None) -> None:
        """Sets variables of the environment, or takes them away."""
        for name, value in variables.items():
            if value is None:
                self.environment.delenv(name, raising=False)
            else:
                self.environment.setenv(name, value)


@pytest.fixture
def here(
    platform: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Here:
    """The command line, in an empty folder, with the module's sandbox as its service."""
    platform.clear_faults()
    platform.clear_requests()
    return Here.on(platform, tmp_path, monkeypatch, capsys)
