"""What holds for many methods at once, and for each model type that runs: taken from where?"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.sandbox.coverage.evidence import (
    CONTRACT,
    DOCUMENTED,
    RECORDED,
    Evidence,
    taken,
)

MODEL_TYPES: Final[Mapping[str, Evidence]] = MappingProxyType(
    {
        "annotation-writer": taken(
            DOCUMENTED, ours="all concepts of the input make one annotation, with their scores"
        ),
        "clusterer": taken(DOCUMENTED, ours="the clusters: like vectors share one"),
        "concept-synonym-mapper": taken(
            DOCUMENTED,
            ours="of two scores for one concept the greater stays; whether hypernyms count "
            "(`mapper_follows_hypernyms`)",
        ),
        "concept-threshold": taken(
            CONTRACT,
            DOCUMENTED,
            ours="concepts without a threshold (`filter_other_concepts_default`)",
        ),
        "embedding-classifier": taken(
            CONTRACT, DOCUMENTED, ours="the scores: a logistic regression over our embeddings"
        ),
        "image-crop": taken(DOCUMENTED, ours="where a crop that leaves the image ends"),
        "object-counter": taken(DOCUMENTED, ours="the key of the counts in the metadata"),
        "prompter": taken(DOCUMENTED),
        "random-sample": taken(DOCUMENTED),
        "regex-based-classifier": taken(
            DOCUMENTED, ours="the dialect is Python's; a match has the score 1"
        ),
        "region-thresholder": taken(CONTRACT, DOCUMENTED),
        "text-embedder": taken(CONTRACT, ours="the vectors: hashed words, no language model"),
        "visual-classifier": taken(DOCUMENTED, ours="the scores: they come from a script"),
        "visual-detector": taken(DOCUMENTED, ours="boxes and scores: they come from a script"),
        "visual-embedder": taken(CONTRACT, ours="the vectors: histograms of gradients and colours"),
    }
)
"""By canonical id: what a type does with data, and what of it is not the platform's."""

HABITS: Final[Mapping[str, Evidence]] = MappingProxyType(
    {
        "Every answer has an envelope: numeric code, text, request id; list fields are there even "
        "on errors": taken(CONTRACT, RECORDED),
        "A `Concept.value` that is not sent is 1, an explicit 0 stays 0": taken(CONTRACT, RECORDED),
        "Scores and thresholds are float32 and print in their shortest form": taken(
            CONTRACT, RECORDED
        ),
        "Zero values are left out but for fields flagged show-if-empty; 64-bit numbers are text": (
            taken(CONTRACT, RECORDED)
        ),
        "Timestamps are UTC; a create shows nanoseconds, later reads microseconds": taken(RECORDED),
        "Any content type is read as JSON": taken(
            DOCUMENTED, ours="any but the `application/javascript` of the walkthrough"
        ),
        "Unknown fields and the client's extra `user_app_id` are ignored": taken(CONTRACT),
        "Dotted query keys, repeated keys, `True` and `False`": taken(CONTRACT, RECORDED),
        "Literal path segments win over ids; a trailing slash does not matter": taken(
            CONTRACT, DOCUMENTED
        ),
        "A missing object is 404 with 11101": taken(RECORDED),
        "Somebody else's or a public object looks absent to a writer": taken(RECORDED),
        "A bad key is 401 with 11008, one of 32 hex digits that nobody has 11009, a header that is none "
        "11102": taken(
            RECORDED,
            ours="which form tells 11009; the HTTP status of 11102 (`malformed_authorization_http`)",
        ),
        "A personal token on a short route is 401 with 11008": taken(RECORDED),
        "An app key opens neither apps nor relations": taken(
            CONTRACT, DOCUMENTED, ours="403 with 11007"
        ),
        "Part of a batch failed: 207 with 10010; all of it: 400 with 10020": taken(RECORDED),
        "Too many requests: 429 with 11005, the limit in the details": taken(DOCUMENTED, RECORDED),
        "Invalid JSON or arguments: 400 with 11100 or 11102": taken(
            ours="which of the two; the texts"
        ),
        "A method that is not there: 501 with 10040": taken(CONTRACT, ours="the HTTP status"),
        "Pages count from 1, 128 items unless asked, at most 1,000; past the end is an empty list": (
            taken(DOCUMENTED, ours="more than 1,000 (`oversized_page_refused`)")
        ),
        "Lists are sorted by the last change, versions by creation, annotations oldest first": (
            taken(CONTRACT)
        ),
        "Batches: 128 inputs, annotations or predictions, 32 through a workflow": taken(
            DOCUMENTED, ours="128 for everything else"
        ),
        "Ids: 1 to 48 letters, digits, inner `-` and `_`; concept ids are looser": taken(
            CONTRACT, DOCUMENTED, RECORDED
        ),
        "`merge`, `overwrite` and `remove` of PATCH": taken(
            CONTRACT, DOCUMENTED, ours="where the documents' own examples disagree"
        ),
        "A workflow is a graph without circles, at most 20 nodes, of trained versions": taken(
            DOCUMENTED, ours="the codes: 22107 for the graph, 22104 for an argument"
        ),
        "Nodes pin versions and never follow new ones": taken(
            CONTRACT, DOCUMENTED, ours="one that names none is pinned to the newest trained one"
        ),
        "Hash ids of public models are answered with readable ids": taken(DOCUMENTED),
        "Inputs: 30001, 30003, then 30000 or 30002; the default workflow runs in between": taken(
            CONTRACT,
            DOCUMENTED,
            RECORDED,
            ours="30000 only once its annotations are stored",
        ),
        "Writers write on runs of the default workflow alone": taken(DOCUMENTED),
        "Training: 21103, 21101, 21100 or a reason": taken(CONTRACT, DOCUMENTED, RECORDED),
        "Only successful annotations teach": taken(DOCUMENTED),
    }
)
"""Habits of the whole platform."""
