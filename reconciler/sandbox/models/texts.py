"""Operators on texts: the regular expression, the prompt template."""

from __future__ import annotations

from typing import Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.sandbox.models import expression
from reconciler.sandbox.models.job import Job, Result

_PLACEHOLDER: Final = "{data.text.raw}"


def regex_classifier(job: Job) -> Result:
    """The concepts of the model, if the expression matches somewhere in the text."""
    pattern = job.params.get("regex")
    if not pattern or not isinstance(pattern, str):
        raise job.invalid(f"regex must be a text, not {pattern!r}")
    text = job.data.text.raw
    try:
        found = expression.found(pattern, text)
    except ValueError as error:
        raise job.invalid(f"regex {pattern!r} is not one: {error}") from error
    except expression.GaveUp:
        raise job.not_run(
            f"gave up after {expression.SECONDS:g} s of looking for {pattern!r:.200} in a text of "
            f"{len(text)} characters"
        ) from None
    data = resources_pb2.Data()
    if job.data.HasField("text") and found:
        for concept in job.concepts:
            data.concepts.append(concept)
            data.concepts[-1].value = 1.0
    return Result(data)


def prompter(job: Job) -> Result:
    """The template with every placeholder replaced by the text."""
    template = job.params.get("prompt_template")
    if not isinstance(template, str) or _PLACEHOLDER not in template:
        raise job.invalid(f"prompt_template must be a text with {_PLACEHOLDER}, not {template!r}")
    data = resources_pb2.Data()
    if job.data.HasField("text"):
        data.text.raw = template.replace(_PLACEHOLDER, job.data.text.raw)
    return Result(data)
