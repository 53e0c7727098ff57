"""Which version of a model is live, and which one a plan pins: pure, in rounds of questions.

The live configuration of a model is that of the version pinned by the nodes that follow it (that
name it without ``@version``); where there is none, that of its newest trained version. A wanted
configuration that some version holds already is used again, so that a revert is exact and a
trained classifier is not trained twice. A list does not show configurations, so what is not known
yet comes back as a question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.address import Address
from reconciler.resource import (
    NewVersion,
    Path,
    Resource,
    ResourceGraph,
    ReuseVersion,
    Version,
    VersionChoice,
    VersionStatus,
    same,
)
from reconciler.values import Unknown, version_digest


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be read before a version can be chosen."""

    versions: tuple[str, ...] = ()
    all_versions: bool = False
    history: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What becomes of a model's configuration.

    ``version`` is None if it stays as it is. ``current`` is the version that followers pin: an id,
    a placeholder, or None if there is none to pin. ``base`` is the live configuration that the
    wanted one is shown against. ``right`` are the pinned versions that hold it already;
    ``strays`` versions that nothing of ours pins: newer ones, and twins that a lost answer left.
    ``kept`` is whether ``current`` holds something else and is to stay: that is not to be trained.
    """

    version: VersionChoice | None
    current: str | Unknown | None
    base: Mapping[str, Any] = field(default_factory=dict)
    right: frozenset[str] = frozenset()
    strays: tuple[str, ...] = ()
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Followers:
    """The nodes that follow one model, or will: live pins by place."""

    pinned: Mapping[tuple[Address, Path], str]


def followers(desired: ResourceGraph, live: ResourceGraph) -> Mapping[Address, Followers]:
    """For each model that a node of this manifest follows. Linear in nodes."""
    pinned: dict[Address, dict[tuple[Address, Path], str]] = {}
    for resource in desired:
        twin = live.get(resource.address)
        pins = {(r.path, r.to): r.version for r in twin.references if r.pins} if twin else {}
        for reference in resource.references:
            if reference.pins and not reference.version:
                places = pinned.setdefault(reference.to, {})
                if version := pins.get((reference.path, reference.to)):
                    places[resource.address, reference.path] = version
    return {to: Followers(places) for to, places in pinned.items()}


def choose(
    desired: Resource,
    live: Resource | None,
    following: Followers | None,
    *,
    open_maps: frozenset[str],
    history: Sequence[str] | None = None,
    retrain: bool = False,
    thorough: bool = False,
) -> Choice | Question:
    """The choice for one model, or what has to be read first.

    ``history`` lists versions that were pinned earlier, the latest first; None until asked for.
    With ``retrain`` a trained version is no answer: only one that is still in training is.
    ``thorough`` looks for twins of any version, and not only where there are more versions than
    there should be.
    """
    unknown = Unknown(desired.address, "version")
    if live is None:
        return Choice(NewVersion(), unknown)
    wanted = _Wanted.of(desired, live, open_maps)
    pinned = tuple(dict.fromkeys(following.pinned.values())) if following else ()
    base = wanted.pinned_base(pinned) if pinned else wanted.newest_base()
    if isinstance(base, Question):
        return base
    train = desired.options.get("train", "when-changed")
    settled = [version for version in base if wanted.holds(version)]
    kept = not settled and bool(base) and train != "when-changed"
    if kept:
        settled = list(base)
    if retrain:
        shown = wanted.shown(base[0]) if base else {}
        newest = live.versions[0] if live.versions else None
        if newest is not None and newest.status is VersionStatus.PENDING:
            return Choice(ReuseVersion(newest.id, pending=True), newest.id, shown)
        return Choice(NewVersion(), unknown, shown)
    if settled and not kept and (earlier := _undone(wanted, settled, following, history)):
        return earlier
    if settled:
        chosen = min(settled, key=wanted.age)
        if (thorough or live.versions[0].unaccounted) and not live.all_versions:
            return Question(all_versions=True)
        if thorough and (unread := wanted.unrecorded(chosen, pinned)):
            return Question(versions=unread)
        right = frozenset(version.id for version in settled)
        strays = wanted.strays(chosen, pinned, thorough=thorough)
        return Choice(None, chosen.id, wanted.shown(chosen), right, strays, kept)
    if train == "never":
        return Choice(None, None)
    shown = wanted.shown(base[0]) if base else {}
    return _reuse_or_mint(wanted, following, history, shown)


def resolved(
    resource: Resource, live: Resource | None, choices: Mapping[Address, Choice]
) -> Resource:
    """A desired resource with each pin that follows a model filled in.

    A node whose own pinned version already holds the wanted configuration keeps it, so that twins
    never show as a change.
    """
    own = {(r.path, r.to): r.version for r in live.references} if live else {}
    values: dict[Path, str | Unknown] = {}
    for reference in resource.references:
        choice = choices.get(reference.to)
        if reference.pins and not reference.version and choice is not None:
            pinned = own.get((reference.path, reference.to))
            value = pinned if pinned in choice.right else choice.current
            values[reference.path] = value or ""
    return resource.with_values(values)


def with_versions(
    resource: Resource, versions: Sequence[Version], *, complete: bool = False
) -> Resource:
    """A live model that knows more of its versions, newest first; a read configuration stays.

    Where the service does not say when a version was made, the order of its list, which has the
    newest first, is all there is to go by.
    """
    known = {version.id: version for version in resource.versions}
    if complete:
        known = {version.id: version for version in versions} | known
    for version in versions:
        before = known.get(version.id)
        if before is None or version.configuration is not None or before.configuration is None:
            more = before is not None and before.unaccounted
            known[version.id] = replace(version, unaccounted=version.unaccounted or more)
    newest_first = tuple(known.values())
    if all(v.created_at or v.status is VersionStatus.FAILED for v in newest_first):
        newest_first = tuple(sorted(newest_first, key=_born, reverse=True))
    return replace(
        resource,
        versions=newest_first,
        all_versions=resource.all_versions or complete,
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A wanted configuration beside the versions that a live model has; ``digest`` is its own."""

    desired: Resource
    live: Resource
    open_maps: frozenset[str]
    ages: Mapping[str, int]
    """By version: the greater, the newer."""
    digest: str

    @classmethod
    def of(cls, desired: Resource, live: Resource, open_maps: frozenset[str]) -> _Wanted:
        newest_first = enumerate(version.id for version in live.versions)
        ages = {id_: -place for place, id_ in newest_first}
        return cls(desired, live, open_maps, ages, version_digest(desired.configuration or {}))

    def age(self, version: Version) -> int:
        return self.ages[version.id]

    def holds(self, version: Version) -> bool | None:
        """Whether a version holds the wanted configuration; None if it has to be read."""
        if version.configuration is not None:
            return same(self.desired.configuration or {}, version.configuration, self.open_maps)
        return True if version.digest == self.digest else None

    def shown(self, version: Version) -> Mapping[str, Any]:
        """The live configuration that a version of a base stands for: read, or just as wanted."""
        if version.configuration is not None:
            return version.configuration
        return self.desired.configuration or {}

    def pinned_base(self, pinned: tuple[str, ...]) -> tuple[Version, ...] | Question:
        known = {version.id: version for version in self.live.versions}
        unread = [id_ for id_ in pinned if id_ not in known or self.holds(known[id_]) is None]
        return Question(versions=tuple(unread)) if unread else tuple(known[i] for i in pinned)

    def newest_base(self) -> tuple[Version, ...] | Question:
        trained = [v for v in self.live.versions if v.status is VersionStatus.TRAINED]
        newest_is_trained = trained and trained[0] is self.live.versions[0]
        if not newest_is_trained and not self.live.all_versions:
            return Question(all_versions=True)
        if trained and self.holds(trained[0]) is None:
            return Question(versions=(trained[0].id,))
        return tuple(trained[:1])

    def strays(
        self, chosen: Version, pinned: tuple[str, ...], *, thorough: bool
    ) -> tuple[str, ...]:
        """Unpinned versions that are newer than the chosen one, and its twins that came before it.

        A twin is what a post left whose answer was lost and whose effect showed up too late: it has
        the number of the one that was posted then. Any other equal version was wanted once, which
        ``thorough`` cannot know of one without a number.
        """
        free = [version for version in self.live.versions if version.id not in pinned]
        found = [version for version in free if pinned and self.age(version) > self.age(chosen)]
        found += [
            version
            for version in free
            if self.age(version) < self.age(chosen)
            and self._was_posted(version)
            and (
                version.number == chosen.number
                if version.number and chosen.number
                else thorough and pinned
            )
        ]
        return tuple(version.id for version in found)

    def unrecorded(self, chosen: Version, pinned: tuple[str, ...]) -> tuple[str, ...]:
        """Older unpinned versions of which nothing says what they hold."""
        return tuple(
            version.id
            for version in self.live.versions
            if not version.recorded
            and version.configuration is None
            and version.id not in pinned
            and self.age(version) < self.age(chosen)
        )

    def _was_posted(self, version: Version) -> bool:
        return version.recorded == self.digest or self.holds(version) is True


def _undone(
    wanted: _Wanted,
    settled: Sequence[Version],
    following: Followers | None,
    history: Sequence[str] | None,
) -> Choice | Question | None:
    """An earlier version that was made from these very words; None where what runs is right.

    What is not stated is not compared, so that a version which holds more is as good as any other.
    But where the manifest said that more, and does no longer, an undo runs what ran before.
    """
    live = wanted.live
    if following is None or any(v.recorded in ("", wanted.digest) for v in settled):
        return None
    if not live.all_versions:
        return Question(all_versions=True)
    trained = [v for v in live.versions if v.status is VersionStatus.TRAINED]
    # where the list shows no marks, each version has to be read for its own
    listed = any(v.recorded and v.configuration is None for v in live.versions)
    alike = [v for v in trained if v.recorded == wanted.digest or not (v.recorded or listed)]
    if unread := [v.id for v in alike if wanted.holds(v) is None]:
        return Question(versions=tuple(unread))
    alike = [v for v in alike if v.recorded and wanted.holds(v)]
    if len(alike) > 1 and history is None:
        return Question(history=True)
    if not alike:
        return None
    return _reused(wanted, alike, history, wanted.shown(settled[0]))


def _reuse_or_mint(
    wanted: _Wanted,
    following: Followers | None,
    history: Sequence[str] | None,
    shown: Mapping[str, Any],
) -> Choice | Question:
    live = wanted.live
    if not live.all_versions:
        return Question(all_versions=True)
    usable = [v for v in live.versions if v.status is not VersionStatus.FAILED]
    if following is None:
        # nothing pins this model, so an older version could never become the live one
        usable = [v for v in usable[:1] if v.status is VersionStatus.PENDING]
    unread = [v.id for v in usable if wanted.holds(v) is None and not v.digest]
    if unread:
        return Question(versions=tuple(unread))
    equal = [version for version in usable if wanted.holds(version)]
    trained = [version for version in equal if version.status is VersionStatus.TRAINED]
    if len(trained) > 1 and history is None:
        return Question(history=True)
    if trained:
        return _reused(wanted, trained, history, shown)
    if equal:
        chosen = min(equal, key=wanted.age)
        return Choice(ReuseVersion(chosen.id, pending=True), chosen.id, shown)
    return Choice(NewVersion(), Unknown(wanted.desired.address, "version"), shown)


def _reused(
    wanted: _Wanted,
    equal: Sequence[Version],
    history: Sequence[str] | None,
    shown: Mapping[str, Any],
) -> Choice:
    """Of equal trained versions the one that was pinned last, else the oldest."""
    chosen = min(equal, key=lambda version: (_recency(version, history), wanted.age(version)))
    return Choice(ReuseVersion(chosen.id), chosen.id, shown)


def _recency(version: Version, history: Sequence[str] | None) -> int:
    """How long ago a version was last pinned: 0 is latest, never is after all."""
    history = history or ()
    return history.index(version.id) if version.id in history else len(history)


def _born(version: Version) -> tuple[str, str]:
    return version.created_at, version.id
