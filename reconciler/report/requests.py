"""The writes of a plan as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reconciler.execution.outcome import PlannedRequest
from reconciler.report.diagnostics import visible
from reconciler.report.fields import WIDTH
from reconciler.report.style import counted, listed
from reconciler.values import thaw


def requests_json(requests: Sequence[PlannedRequest]) -> list[dict[str, Any]]:
    """As plan documents have them."""
    return [
        {
            "method": request.call.method,
            "path": request.call.path,
            "body": thaw(request.call.body),
            "operations": [str(key) for key in request.operations],
        }
        for request in requests
    ]


def render_requests(requests: Sequence[PlannedRequest]) -> str:
    """A block for each: the request, what it is for, and its body as far as a line goes."""
    if not requests:
        return "Requests: none.\n"
    lines = [f"Requests ({counted(len(requests), 'write')} if nothing goes wrong):"]
    for request in requests:
        keys = [visible(str(key)) for key in request.operations]
        body = visible(json.dumps(thaw(request.call.body), ensure_ascii=False, sort_keys=True))
        lines.append(f"  {request.call.method:6} {visible(request.call.path)}")
        lines.append(f"         for {listed(keys, len(keys), WIDTH)}")
        lines.append(f"         {body if len(body) <= _LONGEST else body[:_LONGEST] + _CUT}")
    return "\n".join(lines) + "\n"


_LONGEST = 400
_CUT = "… (whole with --format json)"
