"""What all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from planted import leaks_in_files, leaks_in_texts

# A busy machine is no failure: nothing here is judged by the time that it takes. The same cases are
# tried each time, so that a run fails for what was changed and not by luck; LONG tries others.
settings.register_profile(
    "any machine",
    deadline=None,
    derandomize=not os.environ.get("LONG"),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")


class _Watch:
    """Looks for the planted token in what all tests said, and in all files that they left."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._said: list[str] = []
        self._left: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        said = ((f"{report.nodeid}: {title}", text) for title, text in report.sections)
        self._said += leaks_in_texts(said)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._left += self._files()
        if self._said or self._left:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for leak in (*dict.fromkeys(self._said), *self._left):
            terminalreporter.write_line(f"LEAKED the planted token: {leak}", red=True)

    def _files(self) -> Iterator[str]:
        # what the workers of a parallel run have is below what the one that leads them has
        factory = getattr(self._config, "_tmp_path_factory", None)
        base: Path | None = getattr(factory, "_basetemp", None)
        if base is None and factory is not None:
            base = factory.getbasetemp()
        if base is not None and base.is_dir():
            yield from leaks_in_files(base)


def pytest_configure(config: pytest.Config) -> None:
    """One search for a whole run, however many processes it takes; Ctrl-C that reaches what is started."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # a job in the background is started with it ignored, and all its children would be too
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Watch(config), "planted-token")
