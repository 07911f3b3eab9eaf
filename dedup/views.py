"""What the service answers: plain records that the CLI, the API, the client and the pages show.

Every record turns into JSON by :func:`to_json` and says the same names everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")

Relation = Literal["original", "identical", "near_duplicate", "excerpt", "template", "report"]
#: ``original``: founded its duplicate group and its story.  ``identical``, ``near_duplicate`` and
#: ``excerpt`` are to the group's representative; ``report`` founded its own group in a story that
#: was there before; ``template`` is the same text with other numbers: never merged, only linked.

ChangeKind = Literal[
    "article.added",
    "article.updated",
    "article.removed",
    "story.created",
    "story.changed",
    "story.merged",
    "story.split",
    "story.canonical",
    "story.removed",
]

#: Newest change, most articles, or newest story first.
Sort = Literal["updated", "size", "first"]

AnchorKind = Literal["date", "ordinal", "quantity", "percent", "money", "score"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkable fact in a text: a date, an ordinal with its noun, a quantity …"""

    kind: AnchorKind
    value: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why two articles are, or are not, linked."""

    probability: float | None = None
    jaccard: float | None = None
    containment: float | None = None
    cosines: Mapping[str, float] = field(default_factory=dict)
    shared_names: tuple[str, ...] = ()
    agreeing: tuple[Anchor, ...] = ()
    conflicting: tuple[tuple[Anchor, Anchor], ...] = ()
    hours_apart: float | None = None
    terms: Mapping[str, float] = field(default_factory=dict)
    passages: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """One accepted link of an article to another, with its evidence."""

    article_id: str
    other_id: str
    relation: Relation
    score: float
    evidence: Evidence = Evidence()


@dataclass(frozen=True, slots=True)
class CanonicalScore:
    """A story's member as the canonical rule sees it; components and total lie in 0..1."""

    article_id: str
    total: float
    components: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ArticleView:
    """An article and where it belongs.  ``state`` is ``pending`` until its story is decided."""

    id: str
    state: Literal["pending", "assigned"]
    revision: int
    title: str | None
    url: str | None
    source: str | None
    published_at: datetime | None
    lang: str | None
    received_at: datetime
    text: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    relation: Relation | None = None
    story_id: str | None = None
    duplicate_group_id: str | None = None
    is_canonical: bool = False
    canonical_id: str | None = None
    score: float | None = None
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """An article as a line of a story."""

    id: str
    title: str | None
    url: str | None
    source: str | None
    published_at: datetime | None
    received_at: datetime
    relation: Relation
    duplicate_group_id: str
    is_canonical: bool
    score: float | None
    lead: str | None = None


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """A line of a story's history."""

    cursor: str
    at: datetime
    kind: ChangeKind
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoryView:
    """A story with its members, oldest first.

    ``arrivals`` counts the articles that came in each equal part of the time from the first to the last arrival;
    it is empty when all came within a minute.  ``redirected_from`` is set when the id asked for was merged.
    """

    id: str
    lang: str | None
    title: str | None
    canonical_id: str
    canonical: tuple[CanonicalScore, ...]
    articles: int
    groups: int
    sources: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    updated_at: datetime
    open: bool
    arrivals: tuple[int, ...] = ()
    members: tuple[Member, ...] = ()
    links: tuple[Link, ...] = ()
    history: tuple[StoryEvent, ...] = ()
    redirected_from: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of results; ``next_cursor`` is ``None`` on the last."""

    items: tuple[T, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class DuplicateView:
    """Another article of the same text, and how near it is."""

    id: str
    relation: Relation
    score: float
    title: str | None
    source: str | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class MatchView:
    """Answer to "have we got this?"; nothing is stored."""

    duplicates: tuple[DuplicateView, ...]
    story_id: str | None
    probability: float | None
    nearest: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Waited(Mapping[str, str]):
    """How waiting for articles ended; as a mapping, the story ids of those that have one, by article id.

    Attributes
    ----------
    stories:
        Story ids by article id.
    overtaken:
        Those of them of which a version pushed later stands instead.
    removed:
        Articles taken down since they were pushed.
    dead:
        Articles that became dead letters.
    pending:
        Articles not visible when the time was over.
    """

    stories: Mapping[str, str]
    overtaken: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    def __getitem__(self, article_id: str) -> str:
        return self.stories[article_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stories)

    def __len__(self) -> int:
        return len(self.stories)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What :meth:`Service.push` hands back: accepted ids in order, and what was refused and why.

    ``waited`` says how waiting for them ended, where it was waited.
    """

    accepted: tuple[str, ...]
    rejected: tuple[Rejection, ...] = ()
    waited: Waited | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was refused: where it stood, the field at fault, the reason."""

    origin: str
    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the change feed."""

    cursor: str
    at: datetime
    kind: ChangeKind
    article_id: str | None = None
    story_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be processed after its tries."""

    id: str
    article_id: str | None
    reason: str
    tries: int
    at: datetime
    article: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StatusView:
    """How the service stands."""

    store: str
    server: str
    schema: int
    articles: int
    stories: int
    groups: int
    queue: int
    pending: Mapping[str, int]
    oldest_pending_seconds: float | None
    dead: int
    lease_holder: Mapping[str, str]
    rates: Mapping[str, float]
    workers: int
    memory_bytes: int
    warnings: tuple[str, ...] = ()


def to_json(record: Any) -> Any:
    """Turn a record, or a container of records, into what ``json.dumps`` accepts."""
    if is_dataclass(record) and not isinstance(record, type):
        return {item.name: to_json(getattr(record, item.name)) for item in fields(record)}
    if isinstance(record, datetime):
        return record.isoformat()
    if isinstance(record, Mapping):
        return {str(key): to_json(value) for key, value in record.items()}
    if isinstance(record, tuple | list | set | frozenset):
        return [to_json(value) for value in record]
    return record
