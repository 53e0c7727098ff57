"""The command line as a person uses it: a real process, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.sandbox import Sandbox

MANIFESTS = Path(__file__).parents[2] / "manifests"


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
    token: str = "any-token"
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def on(cls, sandbox: Sandbox, folder: Path) -> Tool:
        """Against a sandbox that runs already."""
        return cls(folder, sandbox.base_url, sandbox.token)

    def environ(self) -> dict[str, str]:
        """The environment of a command: nothing of the caller's that the tool reads."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("CLARIFAI_", "RECONCILER_"))
        }
        named = {"CLARIFAI_API_BASE": self.base_url, "CLARIFAI_PAT": self.token}
        return {**kept, **{k: v for k, v in named.items() if v}, **self.environment}

    def __call__(self, *arguments: str | Path, stdin: str = "") -> Ended:
        """Runs one command to its end."""
        ended = subprocess.run(
            [sys.executable, "-m", "reconciler", *map(str, arguments)],
            cwd=self.folder,
            env=self.environ(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        assert self.token not in ended.stdout + ended.stderr
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def done(self, *arguments: str | Path) -> str:
        """Runs a command that has to succeed; its stdout."""
        ended = self(*arguments)
        assert ended.status == 0, ended.err + ended.out
        return ended.out
