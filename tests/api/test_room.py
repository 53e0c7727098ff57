"""What the lists of one read may hold: enough for a large app, and not all of the memory."""

from __future__ import annotations

import json
from typing import Any

from reconciler.api.answers import decode
from reconciler.api.protocol import PER_PAGE
from reconciler.api.room import BYTES_A_PAGE, MOST_BYTES, VALUES_A_PAGE, Room
from reconciler.call import Listing

CONCEPT: dict[str, Any] = {
    "id": "concept-100000",
    "name": "A concept with a name of some length",
    "definition": "What it means, in a sentence or two. " * 4,
    "value": 1,
    "created_at": "2026-11-22T04:44:59.860314Z",
    "language": "en",
    "app_id": "an-app-with-a-long-id-of-its-own",
    "user_id": "somebody-with-a-long-id",
    "visibility": {"gettable": 10},
    "metadata": {
        "team": "labels",
        "since": "v2",
        "reconciler": {
            "owner": "an-app-with-a-long-id-of-its-own",
            "origin": "created",
            "digests": {"name": "1:9954ae96bb29", "definition": "1:0c54ae96bb29"},
            "relations": ["relation.concept-100000.hyponym.concept-7"],
        },
    },
}


def test_there_is_room_for_100_000_concepts_with_all_that_they_can_have() -> None:
    assert Listing("/concepts", "concepts").most_pages == 200
    room = Room(200)
    content = json.dumps({"concepts": [CONCEPT] * PER_PAGE}).encode()
    _, values = decode(content)
    assert [room.take(values, len(content)) for _ in range(100)] == [""] * 100


def test_there_is_room_up_to_the_limit_and_not_beyond() -> None:
    room = Room(2)
    assert room.take(2 * VALUES_A_PAGE - 1, 0) == ""
    assert room.take(1, 2 * BYTES_A_PAGE) == ""
    assert room.take(1, 0) == "40,000 values"
    assert room.take(0, 0) == "40,000 values"


def test_there_is_room_for_so_many_bytes() -> None:
    room = Room(200)
    assert room.take(1, MOST_BYTES) == ""
    assert room.take(1, 1) == "100 MB"
