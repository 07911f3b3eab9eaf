"""Queue messages that nobody should send: each made by a seeded generator, each with a marker it can be found by."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TASK = "dedup.ingest"


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """A message as its bytes lie in the queue; ``dead`` and ``valid`` are what it must leave behind.

    ``marker`` stands once in each of its ``dead`` letters; ``valid`` are the ids of good articles it carries.
    """

    kind: str
    marker: str
    data: bytes
    dead: int = 1
    valid: tuple[str, ...] = ()


def envelope(body: bytes, headers: dict[str, Any] | None, *, content_type: str = "application/json") -> dict[str, Any]:
    """What kombu puts into a Redis list."""
    tag = random.getrandbits(64)
    return {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": content_type,
        "headers": headers,
        "properties": {
            "correlation_id": "c",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": TASK},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": f"{tag:x}",
        },
    }


def call(marker: str, args: Any, kwargs: Any = None, embed: Any = None, **headers: Any) -> bytes:
    """A Celery message, protocol 2."""
    empty = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = json.dumps([args, {} if kwargs is None else kwargs, empty if embed is None else embed])
    known = {"lang": "py", "task": TASK, "id": marker, "root_id": marker, "parent_id": None, "group": None}
    return json.dumps(envelope(body.encode("utf-8", "surrogatepass"), known | headers)).encode()


def raw_call(marker: str, body: str | bytes, **changes: Any) -> bytes:
    """A Celery message whose body is not what a client would write."""
    headers = {"lang": "py", "task": TASK, "id": marker, "root_id": marker, "parent_id": None, "group": None}
    body = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    made = envelope(body, headers)
    for name, value in changes.items():
        made[name.replace("_", "-")] = value
    return json.dumps(made).encode()


def _value(rng: random.Random, depth: int = 0) -> Any:
    """Any JSON."""
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return None
    if kind == 1:
        return rng.choice([True, False])
    if kind == 2:
        return rng.choice([0, -1, 2**31, 2**63, 2**200, 1e308, -0.0, 0.1])
    if kind in (3, 4, 5):
        return rng.choice(
            ["", " ", "\x00", "\ud800", "a" * 300, "𠮷野家", "__proto__", "../..", "{d}:seq", "%s%n", "\u202e"]
        )
    if kind in (6, 7):
        return [_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(_value(rng, 3)): _value(rng, depth + 1) for _ in range(rng.randrange(4))}


def _bad_article(rng: random.Random, marker: str) -> dict[str, Any]:
    """An object that is nearly an article."""
    text = f"{marker} some words of a text that is fine"
    good: dict[str, Any] = {"id": marker, "text": text}
    bad: list[dict[str, Any]] = [
        {"id": marker},
        good | {"text": ""},
        good | {"text": " \n\t "},
        good | {"text": rng.choice([None, 1, 1.5, True, [], ["a"], {}, {"text": "a"}])},
        good | {"text": text + "\ud83d"},
        good
        | {"id": rng.choice([f"{marker} with spaces", marker + "x" * 300, marker + "\n", [marker], {"id": marker}])},
        good | {rng.choice(["tilte", "__class__", "$where", "constructor", "", "{d}:seq", "a" * 500]): 1},
        good | {"title": rng.choice([1, [], {}, "t" * 10_001, "\udfff"])},
        good
        | {"url": rng.choice(["no url", "ftp://x.example", "http://", "javascript:alert(1)", "http://[", 7, "//x"])},
        good | {"source": rng.choice([3, [], "s" * 257])},
        good
        | {"published_at": rng.choice(["yesterday", "2015-13-01", "2015-02-30", 1440000000, [], "9999-99-99", "0"])},
        good | {"lang": rng.choice(["?", "vietnamese!", 5, "x" * 36, [], "--"])},
        good | {"metadata": rng.choice([1, "x", [], ["a"], {"a": "x" * 70_000}])},
        good | {"metadata": {"deep": _nested(rng.randrange(50, 380))}},
    ]
    return rng.choice(bad)


def _nested(depth: int) -> Any:
    value: Any = "laugh"
    for _ in range(depth):
        value = [value]
    return value


def _good_article(marker: str) -> dict[str, Any]:
    return {"id": f"good-{marker}", "text": " ".join(f"{marker}w{n}" for n in range(20)), "lang": "vi"}


def _not_json(rng: random.Random, marker: str) -> Fuzzed:
    junk = rng.choice([b"\x80\x04\x95", b"{", b"[[", b"<?xml ?>", b"null,", rng.randbytes(40)])
    return Fuzzed("not JSON", marker, marker.encode() + junk)


def _no_envelope(rng: random.Random, marker: str) -> Fuzzed:
    made: Any = rng.choice([[marker], marker, {"marker": marker}, {"body": marker}, {"properties": marker}])
    if rng.random() < 0.5:
        made = envelope(marker.encode(), {"task": TASK, "id": marker})
        made["marker"] = marker
        del made[rng.choice(["body", "properties"])]
    return Fuzzed("no envelope", marker, json.dumps(made).encode())


def _wrong_body(rng: random.Random, marker: str) -> Fuzzed:
    bodies = [f"{marker}", f'["{marker}"', f'[["{marker}"]] x', f'{{"{marker}": }}', f"'{marker}'", f"{marker}\x00"]
    return Fuzzed("body is not JSON", marker, raw_call(marker, rng.choice(bodies)))


def _wrong_shape(rng: random.Random, marker: str) -> Fuzzed:
    shapes = [
        [marker],
        {"marker": marker},
        marker,
        [[marker], {}],
        [[marker], {}, {}, {}],
        [marker, {}, {}],
        [{"a": marker}, {}, {}],
        [[], marker, {}],
        [[marker], [], {}],
        [[marker], {}, 7],
        [None, {"x": marker}, None],
    ]
    return Fuzzed("body of a wrong shape", marker, raw_call(marker, json.dumps(rng.choice(shapes))))


def _wrong_content(rng: random.Random, marker: str) -> Fuzzed:
    kinds = ["application/x-python-serialize", "application/x-yaml", "text/plain", "application/octet-stream", "", "x"]
    data = raw_call(marker, f'[["{marker}"],{{}},{{}}]', content_type=rng.choice(kinds))
    return Fuzzed("content type", marker, data)


def _wrong_task(rng: random.Random, marker: str) -> Fuzzed:
    names: list[Any] = ["dedup.unknown", "os.system", "", None, 5, ["dedup.ingest"], {"a": 1}, "a" * 1000]
    return Fuzzed("task", marker, call(marker, [[{"text": marker}]], task=rng.choice(names)))


def _wrong_headers(rng: random.Random, marker: str) -> Fuzzed:
    body = json.dumps([[[marker]], {}, {}]).encode()
    headers: list[Any] = [None, {}, [], marker, {"task": TASK}, {"id": marker}, {"task": TASK, "id": None}, 3]
    made = envelope(body, rng.choice(headers)) | {"marker": marker}
    return Fuzzed("headers", marker, json.dumps(made).encode())


def _wrong_arguments(rng: random.Random, marker: str) -> Fuzzed:
    arguments: list[Any] = [[marker], [{"text": marker}], [None, marker], [7, marker], [[], marker], [{}, marker]]
    if rng.random() < 0.3:
        return Fuzzed(
            "named arguments", marker, call(marker, [], {rng.choice(["articles", "self", "x", "bind"]): marker})
        )
    return Fuzzed("arguments", marker, call(marker, rng.choice(arguments)))


def _not_articles(rng: random.Random, marker: str) -> Fuzzed:
    return Fuzzed("no articles", marker, call(marker, [[[_value(rng), f"{marker} {rng.random()}"]]]))


def _bad_articles(rng: random.Random, marker: str) -> Fuzzed:
    count = rng.randrange(1, 4)
    bad = [_bad_article(rng, f"{marker}") | {"id": f"{marker}b{n}"} for n in range(count)]
    bad = [one if _is_bad(one) else one | {"text": None} for one in bad]
    good = [_good_article(f"{marker}g{n}") for n in range(rng.randrange(3))]
    mixed = [*bad, *good]
    rng.shuffle(mixed)
    data = call(marker, [mixed])
    return Fuzzed("articles", marker, data, dead=count, valid=tuple(one["id"] for one in good))


def _is_bad(raw: dict[str, Any]) -> bool:
    from dedup.article import Article
    from dedup.errors import ArticleError

    try:
        Article.from_dict(json.loads(json.dumps(raw)))
    except ArticleError:
        return True
    return False


def _laugh(rng: random.Random, marker: str) -> Fuzzed:
    depth = rng.choice([500, 900, 20_000, 200_000])
    nested = "[" * depth + f'"{marker}"' + "]" * depth
    if rng.random() < 0.5:
        nested = '{"a":' * depth + "1" + "}" * depth
    return Fuzzed("nesting", marker, raw_call(marker, f'[["{marker}",{nested}],{{}},{{}}]'))


def _huge(rng: random.Random, marker: str) -> Fuzzed:
    text = f"{marker} " + "word " * rng.choice([1_000_100, 1_200_000])
    return Fuzzed("huge", marker, call(marker, [[{"id": marker, "text": text}]]))


def _hostile_options(rng: random.Random, marker: str) -> Fuzzed:
    options = rng.choice(
        [
            {"eta": "9999-12-31T00:00:00"},
            {"eta": "never"},
            {"timelimit": [0.001, 0.001]},
            {"timelimit": "x"},
            {"retries": "many"},
            {"expires": "never"},
            {"id": marker * 2000},
            {"compression": "zlib"},
        ]
    )
    return Fuzzed("options", marker, call(marker, [[{"id": marker, "text": None}]], **options))


_Maker = Callable[[random.Random, str], Fuzzed]
#: Makers and how often each is drawn.
MAKERS: dict[_Maker, int] = {
    _not_json: 60,
    _no_envelope: 60,
    _wrong_body: 120,
    _wrong_shape: 120,
    _wrong_content: 60,
    _wrong_task: 80,
    _wrong_headers: 80,
    _wrong_arguments: 100,
    _not_articles: 120,
    _bad_articles: 180,
    _hostile_options: 60,
    _laugh: 9,
    _huge: 1,
}


def fuzzed(count: int, *, seed: int) -> list[Fuzzed]:
    """``count`` messages, the same for the same seed."""
    rng = random.Random(seed)
    random.seed(seed)
    makers = rng.choices(list(MAKERS), list(MAKERS.values()), k=count)
    return [maker(rng, f"fuzz{serial:06d}") for serial, maker in enumerate(makers)]
