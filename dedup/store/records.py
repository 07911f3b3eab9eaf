"""How values of the store are laid out in bytes.

Fixed headers are ``struct``, so that the Lua scripts can read them; the rest is MessagePack.
All integers are little-endian, all times milliseconds since 1970 UTC.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import orjson
import zstandard

from dedup.article import Article
from dedup.errors import StoreRefused
from dedup.views import ChangeKind, Relation

HEADER: Final = struct.Struct("<BBI16s16sBx3sxd")
VERSION: Final = 2
_MEMBERSHIP: Final = struct.Struct("<IIIBBHH")
_STORY: Final = struct.Struct("<BIIIQQQI")
_ENTRY: Final = struct.Struct("<BIId")
_DOCUMENT: Final = struct.Struct("<B?II")
_DOCUMENT_LAYOUT: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

RELATIONS: Final[tuple[Relation, ...]] = (
    "original",
    "identical",
    "near_duplicate",
    "excerpt",
    "template",
    "report",
)
CHANGES: Final[tuple[ChangeKind, ...]] = (
    "article.added",
    "article.updated",
    "article.removed",
    "story.created",
    "story.changed",
    "story.merged",
    "story.split",
    "story.canonical",
    "story.removed",
)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(ms: int) -> datetime:
    """The aware UTC time of ``ms`` milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


@dataclass(frozen=True, slots=True)
class Record:
    """What the store knows of an article beside its document.

    ``bands`` are its band hashes (``uint32`` each), none of a text without tokens;
    ``features`` is the packed row of :class:`dedup.vectors.Features`; ``signature``
    the packed MinHash signature where texts are not kept, else empty.  ``accepted_us`` is when
    the queue took this version, by the store's clock: an older one does not take its place.
    """

    number: int
    id: str
    lang: str
    revision: int
    retired: bool
    content: bytes
    digest: bytes
    bands: bytes
    accepted_us: int
    received_ms: int
    published_ms: int | None
    title: str | None
    url: str | None
    source: str | None
    length: int
    features: bytes
    signature: bytes

    @classmethod
    def unpack(cls, number: int, data: bytes) -> Record:
        """Read the bytes of key ``r:N``."""
        version, state, revision, content, digest, bands, lang, accepted = HEADER.unpack_from(data)
        if version != VERSION:
            raise StoreRefused(f"record {number} has layout {version}, this version reads {VERSION}: restore an export")
        start = HEADER.size + 4 * bands
        body = msgspec.msgpack.decode(data[start:])
        received, published, article_id, title, url, source, length, features, signature = body
        return cls(
            number=number,
            id=article_id,
            lang=lang.decode().strip(),
            revision=revision,
            retired=bool(state),
            content=content,
            digest=digest,
            bands=data[HEADER.size : start],
            accepted_us=int(accepted),
            received_ms=received,
            published_ms=published,
            title=title,
            url=url,
            source=source,
            length=length,
            features=features,
            signature=signature,
        )

    def tombstone(self) -> bytes:
        """What is kept of a removed article that founded a story: its id."""
        digests = self.content, self.digest
        head = HEADER.pack(VERSION, 1, self.revision, *digests, 0, self.lang.ljust(3).encode(), self.accepted_us)
        return head + msgspec.msgpack.encode((self.received_ms, None, self.id, None, None, None, 0, b"", b""))


def pack_body(article: Article, received_ms: int, features: bytes, signature: bytes) -> bytes:
    """The part of a record that admission takes as given."""
    published = milliseconds(article.published_at) if article.published_at else None
    facts = (article.id, article.title, article.url, article.source, len(article.text))
    return msgspec.msgpack.encode((received_ms, published, *facts, features, signature))


def pack_head(
    *, content: bytes, digest: bytes, bands: bytes, lang: str, retired: bool = False, revision: int = 1
) -> bytes:
    """The part of a record before its body, as admission leaves it.

    Any version may take its place: nothing is said of when the queue took this one.
    """
    head = HEADER.pack(VERSION, retired, revision, content, digest, len(bands) // 4, lang.ljust(3).encode(), 0)
    return head + bands


def pack_record(*, body: Sequence[Any], **head: Any) -> bytes:
    """A whole record; ``body`` as in :func:`pack_body`, arrival first, ``head`` as in :func:`pack_head`."""
    return pack_head(**head) + msgspec.msgpack.encode(tuple(body))


class _Codec(threading.local):
    """Zstandard contexts of one thread: making one costs more than compressing an article."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(3).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_codec = _Codec()


class Document:
    """An article as it was received: the bytes of key ``t:N``, read as far as somebody asks.

    Compressed as one: a header (layout, whether there is a text, bytes of the two next), what the text spells (see
    :mod:`dedup.vectors.spelling`; nothing where it was not read yet), the text, and the rest as JSON.
    """

    __slots__ = ("_data", "_rest", "_start", "has_text")

    def __init__(self, packed: bytes) -> None:
        self._data = _codec.decompress(packed)
        layout, self.has_text, spelled, size = _DOCUMENT.unpack_from(self._data)
        if layout != _DOCUMENT_LAYOUT:
            raise StoreRefused(f"a document has layout {layout}, not {_DOCUMENT_LAYOUT}: restore an export")
        self._start = _DOCUMENT.size + spelled
        self._rest = self._start + size

    @staticmethod
    def pack(raw: Mapping[str, Any], *, spelled: bytes = b"") -> bytes:
        """The value of an article as :meth:`~dedup.article.Article.to_dict` gives it, with or without its text."""
        rest = dict(raw)
        text = rest.pop("text", None)
        body = (text or "").encode()
        head = _DOCUMENT.pack(_DOCUMENT_LAYOUT, text is not None, len(spelled), len(body))
        return _codec.compress(b"".join((head, spelled, body, orjson.dumps(rest))))

    @property
    def spelled(self) -> bytes:
        """What the text spells, packed; empty where nobody has read it."""
        return self._data[_DOCUMENT.size : self._start]

    @property
    def text(self) -> str:
        """The text; empty where none is kept."""
        return self._data[self._start : self._rest].decode()

    def beginning(self, characters: int) -> str:
        """The text's first characters."""
        last = min(self._rest, self._start + 4 * characters)
        return self._data[self._start : last].decode("utf-8", "ignore")[:characters]

    def rest(self) -> dict[str, Any]:
        """The article as it was received, but for its text."""
        rest: dict[str, Any] = orjson.loads(self._data[self._rest :])
        return rest

    def raw(self) -> dict[str, Any]:
        """The article as it was received; without ``text`` where none is kept."""
        return self.rest() | {"text": self.text} if self.has_text else self.rest()


@dataclass(frozen=True, slots=True)
class Membership:
    """Where an article belongs.

    ``group`` and ``story`` are numbers of the representative and of the founder, ``other`` the
    article it is linked to (0: none); ``score`` and ``probability`` lie in 0..1.
    """

    group: int
    story: int
    other: int
    relation: Relation
    score: float
    probability: float

    def pack(self) -> bytes:
        """19 bytes at most, so that blocks of them stay listpacks."""
        code = RELATIONS.index(self.relation)
        levels = (round(self.score * 65535), round(self.probability * 65535))
        return _MEMBERSHIP.pack(self.group, self.story, self.other, code, 0, *levels)

    @classmethod
    def unpack(cls, data: bytes) -> Membership:
        """Read a field of ``m:BLOCK``."""
        group, story, other, code, _, score, probability = _MEMBERSHIP.unpack(data)
        return cls(group, story, other, RELATIONS[code], score / 65535, probability / 65535)


STANDS, MERGED, REMOVED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class StoryRecord:
    """A story: ``canonical`` is an article's number; merged ones name their survivor there."""

    state: int
    canonical: int
    articles: int
    groups: int
    first_ms: int
    last_ms: int
    updated_ms: int
    founder: int

    def pack(self) -> bytes:
        """41 bytes."""
        times = (max(0, self.first_ms), max(0, self.last_ms), self.updated_ms)
        return _STORY.pack(self.state, self.canonical, self.articles, self.groups, *times, self.founder)

    @classmethod
    def unpack(cls, data: bytes) -> StoryRecord:
        """Read a field of ``s:BLOCK``."""
        return cls(*_STORY.unpack(data))

    def changed(self, **fields: Any) -> StoryRecord:
        """A copy with other values in ``fields``."""
        return replace(self, **fields)


ADD, REPLACE, REMOVE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """One step that waits for its decision, in order of admission.

    ``kind`` is ADD, REPLACE (an older revision leaves; its successor is added next) or REMOVE;
    ``old`` is the number of the older revision of an article that is added.
    """

    kind: int
    number: int
    old: int
    admitted_ms: int

    @classmethod
    def unpack(cls, data: bytes) -> PendingEntry:
        """Read an item of ``p:LANG``."""
        kind, number, old, ms = _ENTRY.unpack_from(data)
        return cls(kind, number, old, int(ms))


@dataclass(frozen=True, slots=True)
class Event:
    """A change; ``histories`` are the numbers of the stories in whose history it stands."""

    kind: ChangeKind
    article_id: str | None = None
    story_id: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    histories: tuple[int, ...] = ()

    def pack(self) -> bytes:
        """The value of field ``e`` of the feed."""
        return msgspec.msgpack.encode((CHANGES.index(self.kind), self.article_id, self.story_id, self.detail))

    @classmethod
    def unpack(cls, data: bytes) -> Event:
        """Read the value of field ``e`` of the feed."""
        code, article, story, detail = msgspec.msgpack.decode(data)
        return cls(CHANGES[code], article, story, detail)


def pack_numbers(numbers: Iterable[int]) -> bytes:
    """Unsigned 32-bit, little-endian."""
    listed = list(numbers)
    return struct.pack(f"<{len(listed)}I", *listed)


def unpack_numbers(data: bytes) -> Sequence[int]:
    """Inverse of :func:`pack_numbers`."""
    return struct.unpack(f"<{len(data) // 4}I", data)
