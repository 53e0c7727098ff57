from __future__ import annotations

from collections.abc import Iterator

import pytest
from api.wire import Wire, running


@pytest.fixture
def wire() -> Iterator[Wire]:
    with running() as one:
        yield one
