"""Operators on concepts and regions: thresholders, the mapper, the sampler, the counter."""

from __future__ import annotations

from collections.abc import Iterable

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.catalogue import COMPARATORS
from reconciler.routing.operators import Comparator, Relation, map_synonyms, threshold
from reconciler.routing.scores import ConceptKey, Score
from reconciler.sandbox.models.job import Job, Message, Result, copied, is_number


def concept_thresholder(job: Job) -> Result:
    """The concepts that pass their threshold."""
    data = resources_pb2.Data()
    data.concepts.extend(_kept(job, job.data.concepts))
    return Result(data)


def region_thresholder(job: Job) -> Result:
    """The regions with the concepts that pass; a region without any is dropped."""
    data = resources_pb2.Data()
    for region in job.data.regions:
        kept = [copied(concept) for concept in _kept(job, region.data.concepts)]
        if kept:
            data.regions.append(region)
            data.regions[-1].data.ClearField("concepts")
            data.regions[-1].data.concepts.extend(kept)
    return Result(data)


def _kept(job: Job, concepts: Iterable[Message]) -> list[Message]:
    """The concepts that pass the thresholds of the model, in their order."""
    spelled = job.params.get("concept_threshold_type")
    number = COMPARATORS.number_of(spelled)
    if number is None:
        known = ", ".join(COMPARATORS.names)
        raise job.invalid(f"concept_threshold_type must be one of {known}, not {spelled!r}")
    others = job.params.get("filter_other_concepts", job.ctx.filter_other_default)
    if not isinstance(others, bool):
        raise job.invalid(f"filter_other_concepts must be true or false, not {others!r}")
    # A threshold names a concept of the app by its id alone. The id then decides for the concepts
    # of every owner: a thresholder right behind a public model knows only public ids.
    limits: dict[str | ConceptKey, float] = {}
    for concept in job.concepts:
        key = job.ctx.key(concept)
        limits[key.id if key.app == (job.ctx.user_id, job.ctx.app_id) else key] = concept.value
    return [
        concept
        for concept in concepts
        if threshold(
            (Score(job.ctx.key(concept), concept.value),), limits, Comparator(number), others
        )
    ]


def synonym_mapper(job: Job) -> Result:
    """The app's concepts that the relations of the graph lead to."""
    graph = str(job.params.get("knowledge_graph_id", ""))
    names: dict[ConceptKey, str] = {}
    relations = []
    for stored in job.ctx.relations(graph):
        ends = (stored.subject_concept, stored.object_concept)
        subject, object_ = map(job.ctx.key, ends)
        names |= {subject: ends[0].name, object_: ends[1].name}
        relations.append(Relation(subject, stored.predicate, object_))
    mapped = map_synonyms(
        [Score(job.ctx.key(concept), concept.value) for concept in job.data.concepts],
        relations,
        (job.ctx.user_id, job.ctx.app_id),
        job.ctx.follow_hierarchy,
    )
    data = resources_pb2.Data()
    for score in mapped:
        data.concepts.add(
            id=score.concept.id,
            name=names[score.concept] or score.concept.id,
            value=score.value,
            app_id=score.concept.app_id,
            user_id=score.concept.user_id,
        )
    return Result(data)


def random_sample(job: Job) -> Result:
    """All or nothing, by chance."""
    fraction = job.params.get("keep_fraction")
    if not is_number(fraction) or not 0 <= fraction <= 1:
        raise job.invalid(f"keep_fraction must be in [0, 1], not {fraction!r}")
    return Result(job.data if fraction > job.ctx.rng.random() else resources_pb2.Data())


def object_counter(job: Job) -> Result:
    """How many regions there are, as the operator page shows it."""
    data = resources_pb2.Data()
    data.metadata["object_count"] = sum(1 for region in job.data.regions if region.data.concepts)
    return Result(data)
