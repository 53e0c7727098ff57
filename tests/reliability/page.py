"""``docs/reliability.md`` from the figures: ``PYTHONPATH=tests python -m reliability.page``.

What is promised and how to read the tables is written here; every number comes from a file of
``figures/``, which the command named beside it has written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from reliability.figures import Table, Topic, read_all

OPENING = """\
# Reliability

What `reconciler` promises about an apply that is disturbed, and what was tried to break it. Every
figure on this page is written by a command, which stands below its heading; the page itself is made
from them by `make reliability-page`, and a test holds it to that. All of it happens against the
sandbox, over real sockets and, where a process is killed, with real processes. What the sandbox
cannot know of the real service is a [named switch](sandbox.md#what-nobody-knows) of its own.

## What is promised

1. **It converges.** One apply reaches the manifest, and the next plan is empty.
2. **The cutover is one request.** New model versions come first and change nothing, since workflow
   nodes pin versions; then the workflow that inputs run through changes in one request; deletes come
   last, and only if everything before them succeeded. Stopped after any request, an input goes wholly
   by the old definition or wholly by the new one. Relations, which have no versions, are the exception.
3. **It is safe to run again.** Killed, throttled, or cut off after the server committed and before
   its answer came: the same command again ends in the same state. What has our id cannot double. A
   model version has none: after an unclear answer the tool looks for what it sent until it finds it
   or `--read-back-timeout` has passed, and it sends nothing again while its looking is not answered.
4. **A reviewed plan is what runs.** Every write belongs to a request that `plan --requests` shows.
   The writes of a lease are the exception, and are not shown.

## How far that goes

- A version whose answer was lost, and which no read shows within `--read-back-timeout` (10 s), is sent
  again. If it turns up later after all, two versions hold the same: one of them is pinned everywhere,
  the other is left alone, and the next plan is empty and names it. (It looks where a model has more
  versions than its newest one knew of. Where the service does not count them, or keeps no metadata of
  versions, only `plan --refresh full` finds it.)
- Between the tool's last read of an object and its write there is
  [a window](#the-window-without-compare-and-swap). It can be kept small, it cannot be closed.
- A new version of a model holds what the manifest states. What somebody set in the portal on the
  version before it, and no key of the manifest states, the new version does not have; the one before
  it stays.
- Nothing is rolled back. What was done stays, and running again goes on from there; to go back, apply
  the manifest of before: the versions that ran then are pinned again, not made again.
- After SIGKILL there is no report. What was in flight may have been carried out; the next plan shows it.
"""

CLOSING = """\
## How to add figures

A topic is one file in `tests/reliability/figures/`, written through `reliability.figures.write`: a
title, its place on the page, the command that makes it, paragraphs, tables. The page shows every
file that is there.
"""


def page() -> str:
    """The whole page."""
    return "\n".join((OPENING, *map(section, read_all()), CLOSING))


def section(topic: Topic) -> str:
    """One topic: its command, its paragraphs, its tables."""
    parts = [f"## {topic.title}", f"Made by `{topic.command}`.", *topic.text]
    parts += ["\n".join(rows(table)) for table in topic.tables]
    return "\n\n".join(parts) + "\n"


def rows(table: Table) -> Iterator[str]:
    """A table's lines; columns of numbers are set right."""
    right = [_is_numeric([row[column] for row in table.rows]) for column in range(len(table.head))]
    yield f"| {' | '.join(table.head)} |"
    yield f"| {' | '.join('---:' if one else '---' for one in right)} |"
    for row in table.rows:
        yield f"| {' | '.join(map(str, row))} |"


def _is_numeric(cells: Sequence[str | int | float]) -> bool:
    return bool(cells) and all(isinstance(cell, int | float) or cell.isdigit() for cell in cells)


if __name__ == "__main__":
    sys.stdout.write(page())
