"""A person at a terminal: sees what a command writes there, and types."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from types import TracebackType
from typing import Self

from e2e.tool import DEADLINE, Ended, Tool

_LAUNCH = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes stdin the terminal that Ctrl-C comes from, then runs the command."""


class Terminal:
    """Runs one command with a terminal as stdin, stdout and stderr; a context manager."""

    def __init__(self, tool: Tool, *arguments: object, stdout: int | None = None) -> None:
        self._tool = tool
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *tool.command(*map(str, arguments))],
            cwd=tool.folder,
            env={"TERM": "xterm", **tool.environ()},
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        os.close(self._master)

    def wait_for(self, text: str) -> None:
        """Until ``text`` stands on the terminal."""
        deadline = time.monotonic() + DEADLINE
        while text not in self.seen:
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen!r}"
            if not self._look():
                raise AssertionError(f"ended without {text!r}: {self.seen!r}")

    def type(self, text: str) -> None:
        """Keys pressed; ``\\x03`` is Ctrl-C."""
        os.write(self._master, text.encode())

    def end(self, *, again: str = "") -> Ended:
        """How the command ended; ``out`` is all that stood on the terminal.

        ``again`` is typed once more each second: a signal that comes just before the command waits
        for a line is noticed with the next key only.
        """
        deadline, typed = time.monotonic() + DEADLINE, time.monotonic()
        while self._look():
            assert time.monotonic() < deadline, self.seen
            if again and time.monotonic() - typed > 1.0:
                self.type(again)
                typed = time.monotonic()
        status = self._process.wait(DEADLINE)
        out = self._process.stdout.read().decode() if self._process.stdout else ""
        return self._tool.checked(status, out + self.seen.replace("\r\n", "\n"), "")

    def _look(self) -> bool:
        """Reads what is there; False once nobody writes any more."""
        if not select.select([self._master], [], [], 0.1)[0]:
            return True
        try:
            read = os.read(self._master, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.seen += read.decode("utf-8", "replace")
        return bool(read)
