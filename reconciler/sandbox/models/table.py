"""Every model type that the sandbox runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.sandbox.models import (
    embeddings,
    filters,
    pictures,
    recognition,
    texts,
    writers,
)
from reconciler.sandbox.models.job import Run
from reconciler.sandbox.models.regions import in_regions

RUNS: Final[Mapping[str, Run]] = MappingProxyType(
    {
        "annotation-writer": writers.annotation_writer,
        "clusterer": in_regions(embeddings.clusterer, "embeddings", "image"),
        "concept-synonym-mapper": in_regions(filters.synonym_mapper, "concepts"),
        "concept-threshold": in_regions(filters.concept_thresholder, "concepts"),
        "embedding-classifier": in_regions(
            embeddings.embedding_classifier, "embeddings", "image", "text"
        ),
        "image-crop": pictures.image_crop,
        "object-counter": filters.object_counter,
        "prompter": in_regions(texts.prompter, "text"),
        "random-sample": filters.random_sample,
        "regex-based-classifier": in_regions(texts.regex_classifier, "text"),
        "region-thresholder": filters.region_thresholder,
        "text-embedder": in_regions(embeddings.text_embedder, "text"),
        "visual-classifier": in_regions(recognition.scripted_classifier, "image"),
        "visual-detector": recognition.scripted_detector,
        "visual-embedder": in_regions(embeddings.visual_embedder, "image"),
    }
)
"""How each type runs, by canonical id."""
