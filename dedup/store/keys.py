"""Every key of the index and the queue's bookkeeping, its type and what it holds; none is spelt anywhere else.

One hash tag, ``{d}``, stands in all of them.  A commit must change the LSH index, memberships,
stories and the change feed together; on Redis Cluster that asks for one slot.  So an
index is one slot: Cluster gives it fail-over and replicas, not more than one node's memory.

``LANG`` is a language tag (``und`` when unknown), ``SEG`` a segment of the LSH index,
``N`` an article's number.  Numbers in values are unsigned 32-bit little-endian.
"""

from __future__ import annotations

from hashlib import blake2b

#: Layout written by this version; a store of another is refused (see :mod:`dedup.store.checks`).
SCHEMA = 5

TAG = "{d}"
#: Articles in one block of memberships, stories in one block of story records; both stay listpacks.
BLOCK = 128
#: Hashes that map ids to numbers; 2^14 stay listpacks (512 fields) up to 8 million ids.
IDENT_SHARDS = 1 << 14
#: Language of articles whose language nobody knows.
UNKNOWN_LANGUAGE = "und"

SCHEMA_KEY = f"{TAG}:schema"  #            STRING  JSON: layout, sketch parameters, feature version
SEQUENCE = f"{TAG}:seq"  #                 STRING  number given to the newest article
COUNTS = f"{TAG}:counts"  #                HASH    articles, groups, stories
TOTALS = f"{TAG}:totals"  #                HASH    totals since the store was made, see meters
LANGUAGES = f"{TAG}:langs"  #              SET     LANG that ever had an article
FEED = f"{TAG}:feed"  #                    STREAM  change events: e = packed event
UPDATED = f"{TAG}:by-updated"  #           ZSET    story number -> ms of its last change
SIZES = f"{TAG}:by-size"  #                ZSET    story number -> articles; stories of two or more
DEAD = f"{TAG}:dead"  #                    HASH    dead letter id -> JSON
DEAD_ORDER = f"{TAG}:dead-at"  #           ZSET    dead letter id -> ms
DROPPING = f"{TAG}:dropping"  #            SET     "LANG SEG pages" of index segments whose keys are being dropped
TAKEN = f"{TAG}:taken"  #                  ZSET    12 bytes of an article id's digest -> us of its takedown, for a week
WORKERS = f"{TAG}:workers"  #              ZSET    worker name -> ms of its last sign of life


def ident(article_id: str) -> tuple[int, bytes]:
    """Shard and field of an article id in the id map: 14 + 96 bits of BLAKE2b."""
    digest = blake2b(article_id.encode(), digest_size=14).digest()
    return int.from_bytes(digest[:2], "little") % IDENT_SHARDS, digest[2:]


def numbers(shard: int) -> str:
    """HASH: 12 bytes of an article id's digest -> N."""
    return f"{TAG}:i:{shard}"


def story_numbers(story_id: str) -> tuple[str, bytes]:
    """HASH and field: the rest of a story id -> N of its founder."""
    digest = blake2b(story_id.encode(), digest_size=10).digest()
    return story_shelf(int.from_bytes(digest[:2], "little") % IDENT_SHARDS), digest[2:]


def story_shelf(shard: int) -> str:
    """HASH: 8 bytes of a story id's digest -> N of its founder."""
    return f"{TAG}:j:{shard}"


def record(number: int) -> str:
    """STRING: header (see :mod:`dedup.store.records`), bands, facts, features."""
    return f"{TAG}:r:{number}"


def document(number: int) -> str:
    """STRING: the article as received and what it spells, compressed (:class:`dedup.store.records.Document`)."""
    return f"{TAG}:t:{number}"


def membership(number: int) -> tuple[str, int]:
    """HASH and field: N % BLOCK -> packed membership of article N."""
    return f"{TAG}:m:{number // BLOCK}", number % BLOCK


def story(number: int) -> tuple[str, int]:
    """HASH and field: N % BLOCK -> packed record of the story founded by article N."""
    return f"{TAG}:s:{number // BLOCK}", number % BLOCK


def group_members(number: int) -> str:
    """LIST: N of a duplicate group's members in order of joining; only groups of two or more."""
    return f"{TAG}:g:{number}"


def story_members(number: int) -> str:
    """LIST: N of a story's members in order of joining; only stories of two or more."""
    return f"{TAG}:sm:{number}"


def story_history(number: int) -> str:
    """LIST: feed ids of the events that changed a story; not those that only added an article."""
    return f"{TAG}:sh:{number}"


def segments(lang: str) -> str:
    """HASH: ``n`` -> newest SEG; SEG -> "regions bits capacity count first-ms last-ms" of a segment."""
    return f"{TAG}:lsh:{lang}"


def page(lang: str, segment: int, place: int) -> str:
    """STRING: cells of 8 bytes, hash and N, in order of entry; place: region * 2^bits + the hash's lowest bits."""
    return f"{TAG}:b:{lang}:{segment}:{place}"


def tail(lang: str, segment: int) -> str:
    """STRING: rows of the newest articles, which are on no page yet: N, whether it has bands, a hash a region."""
    return f"{TAG}:bt:{lang}:{segment}"


def pending(lang: str) -> str:
    """LIST: packed entries that wait for their decision, in order of admission."""
    return f"{TAG}:p:{lang}"


def position(lang: str) -> str:
    """STRING: entries of the pending list decided so far; guards against a commit done twice."""
    return f"{TAG}:pos:{lang}"


def live(lang: str) -> str:
    """LIST: N of representatives in order of decision, those that story clustering still looks at."""
    return f"{TAG}:live:{lang}"


def fence(lang: str) -> str:
    """STRING: newest fencing token of the language's lease."""
    return f"{TAG}:fence:{lang}"


def lease(lang: str) -> str:
    """STRING with expiry: "token holder" of the lease."""
    return f"{TAG}:lease:{lang}"


def wake(lang: str) -> str:
    """STRING with expiry: somebody has been asked to drain this language."""
    return f"{TAG}:wake:{lang}"


def tries(message: str) -> str:
    """HASH with expiry: ``n`` deliveries of a queue message, ``at`` the article being processed, ``k:I`` its deaths."""
    return f"{TAG}:try:{message}"


def rate(minute: int) -> str:
    """HASH with expiry: what was done in that minute (ingested, assigned, dead)."""
    return f"{TAG}:rate:{minute}"


#: Names of the snapshots that the nightly job leaves: weights of terms, the lines that each source repeats.
IDF, BOILERPLATE = "idf", "boilerplate"


def snapshot(name: str) -> str:
    """STRING: a versioned blob such as the IDF snapshot or the boilerplate statistics."""
    return f"{TAG}:snap:{name}"
