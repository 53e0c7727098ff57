"""The real command as a process of its own, to be killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests


@dataclass
class Served:
    """A ``sandbox serve`` that listens at ``url``."""

    process: subprocess.Popen[str]
    url: str
    app: str = "park"
    session: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def begin(cls, *options: str | Path, env: Mapping[str, str] | None = None) -> Served:
        """One that has only just been called, and does not listen yet."""
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "sandbox", "serve", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(env or {})},
        )
        return cls(process, "")

    @classmethod
    def start(cls, *options: str | Path, env: Mapping[str, str] | None = None) -> Served:
        """One that listens."""
        begun = cls.begin(*options, env=env)
        assert begun.process.stdout is not None
        begun.url = begun.process.stdout.readline().strip()
        return begun

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """An answer of the app, or of the control route; raises where none comes or it is an error."""
        if not path.startswith(("/v2", "/_sandbox")):
            path = f"/v2/users/me/apps/{self.app}{path}"
        answer = self.session.request(
            method,
            self.url + path,
            json=body,
            params=query,
            headers={"Authorization": "Key any"},
            timeout=300,
        )
        assert answer.status_code == 200, f"{method} {path}: {answer.text}"
        return answer.json()

    def other(self) -> Served:
        """The same server for another thread."""
        return Served(self.process, self.url, self.app)

    def all(self, path: str, name: str) -> list[Any]:
        """Every item of a list, page by page."""
        found: list[Any] = []
        while True:
            page = self("GET", path, page=len(found) // 1000 + 1, per_page=1000)[name]
            found += page
            if len(page) < 1000:
                return found

    def wait_idle(self) -> None:
        deadline = time.monotonic() + 300
        while not self("GET", "/_sandbox/idle")["idle"]:
            assert time.monotonic() < deadline, "background work does not end"

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.process.kill()
        self.process.wait(300)
        self.session.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
