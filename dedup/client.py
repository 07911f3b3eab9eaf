"""The HTTP API from Python: the same method names, and the same records, as :class:`dedup.Service`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from dedup.article import Article
from dedup.errors import (
    ArticleError,
    Backpressure,
    DedupError,
    InputError,
    NotFound,
    StoreError,
    StoreFull,
    StoreUnavailable,
)
from dedup.settings import CanonicalPolicy
from dedup.views import (
    ArticleView,
    Change,
    DeadLetter,
    DuplicateView,
    Evidence,
    MatchView,
    Page,
    Receipt,
    Rejection,
    Sort,
    StatusView,
    StoryView,
    Waited,
)

T = TypeVar("T")

_BATCH = 500
#: Seconds that the server waits at most for the articles of one request.
_LONGEST_WAIT = 60.0


class RequestRefused(DedupError):
    """The server refused for a reason that only HTTP has: the key, the scope, the rate, the size.

    ``status`` is the HTTP status, ``problem`` the RFC 9457 document.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, problem
        super().__init__(str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))


class Client:
    """A service somewhere else.

    Parameters
    ----------
    url:
        Where it listens, such as ``http://127.0.0.1:8080``.
    key:
        API key, where the server asks for one.
    timeout:
        Seconds to wait for an answer, beyond what a call waits on purpose.
    transport:
        An ``httpx`` transport, for tests and proxies.

    Examples
    --------
    >>> with Client("http://127.0.0.1:8080") as client:  # doctest: +SKIP
    ...     client.push([{"id": "1", "text": "Fire in Hue."}], wait=10)
    ...     client.article("1").story_id
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        key: str | None = None,
        timeout: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def push(self, articles: Iterable[Article | Mapping[str, Any]], *, wait: float = 0.0) -> Receipt:
        """Push articles; they are in the queue when this returns.

        Parameters
        ----------
        articles:
            Articles or their JSON objects; sent in batches.
        wait:
            Seconds to wait until their stories are decided, or something else became of them, which the receipt says.

        Raises
        ------
        DedupError
            When the server refuses or does not answer; single bad articles are in ``rejected`` instead.
        """
        accepted: list[str] = []
        rejected: list[Rejection] = []
        states: dict[str, tuple[str, str | None]] = {}
        until = time.monotonic() + wait
        for start, batch in _batches(articles):
            patience = min(_LONGEST_WAIT, max(0.0, until - time.monotonic())) if wait else 0.0
            try:
                answer = self._ask(
                    "POST", "/v1/articles", query={"wait": patience or None}, json_body=batch, extra=patience
                )
            except _Refused as error:
                rejected += _placed(error.rejections, start)
                continue
            accepted += [item["id"] for item in answer["accepted"]]
            states |= {item["id"]: (item["state"], item["story_id"]) for item in answer["accepted"]}
            rejected += _placed([Rejection(**item) for item in answer["rejected"]], start)
        if not wait:
            return Receipt(tuple(accepted), tuple(rejected))
        return Receipt(tuple(accepted), tuple(rejected), self._waited(states, until - time.monotonic()))

    def _waited(self, states: Mapping[str, tuple[str, str | None]], seconds: float) -> Waited:
        """How waiting ended, as the server says; those it still waited for are asked for once more."""

        def named(state: str) -> tuple[str, ...]:
            return tuple(name for name, (said, _) in states.items() if said == state)

        stories = {name: story for name, (_, story) in states.items() if story is not None}
        stories |= self.wait(named("pending"), timeout=seconds)
        pending = tuple(name for name in named("pending") if name not in stories)
        return Waited(stories, named("overtaken"), named("removed"), named("dead"), pending)

    def wait(self, ids: Sequence[str], *, timeout: float = 60.0) -> dict[str, str]:
        """Wait until the stories of these articles are decided; returns those that are, as id to story id.

        Which version was pushed only :meth:`push` knows: here any counts, and who is not there is waited for.
        """
        decided: dict[str, str] = {}
        until = time.monotonic() + timeout
        pause = 0.05
        waiting = list(dict.fromkeys(ids))
        while waiting:
            for article_id in list(waiting):
                try:
                    story = self.article(article_id).story_id
                except NotFound:
                    continue
                if story is not None:
                    decided[article_id] = story
                    waiting.remove(article_id)
            if not waiting or time.monotonic() >= until:
                break
            time.sleep(min(pause, max(0.0, until - time.monotonic())))
            pause = min(pause * 1.5, 1.0)
        return decided

    def article(self, id: str, *, canonical_policy: CanonicalPolicy | None = None, text: bool = False) -> ArticleView:
        """An article and where it belongs; raises :class:`~dedup.errors.NotFound`."""
        query = {"canonical_policy": canonical_policy, "text": text or None}
        return self._get(f"/v1/articles/{_quoted(id)}", ArticleView, query)

    def duplicates(self, id: str) -> tuple[DuplicateView, ...]:
        """The other articles of the same text."""
        return self._get(f"/v1/articles/{_quoted(id)}/duplicates", tuple[DuplicateView, ...])

    def delete(self, id: str) -> bool:
        """Take an article down; ``False`` when there is none of that id."""
        try:
            self._ask("DELETE", f"/v1/articles/{_quoted(id)}")
        except NotFound:
            return False
        return True

    def story(self, id: str, *, canonical_policy: CanonicalPolicy | None = None) -> StoryView:
        """A story with its members; the survivor, if it was merged."""
        return self._get(f"/v1/stories/{_quoted(id)}", StoryView, {"canonical_policy": canonical_policy})

    def stories(
        self,
        *,
        lang: str | None = None,
        source: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        updated_since: datetime | None = None,
        min_articles: int = 1,
        min_sources: int = 1,
        text: str | None = None,
        sort: Sort = "updated",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[StoryView]:
        """One page of stories."""
        query: dict[str, Any] = {
            "lang": lang,
            "source": source,
            "min_articles": min_articles,
            "min_sources": min_sources,
        }
        query |= {"since": since, "until": until, "updated_since": updated_since}
        query |= {"text": text, "sort": sort, "cursor": cursor, "limit": limit}
        return self._get("/v1/stories", Page[StoryView], query)

    def match(self, article: Article | Mapping[str, Any]) -> MatchView:
        """Ask whether the service has this article; nothing is stored."""
        body = article.to_dict() if isinstance(article, Article) else dict(article)
        answer: MatchView = self._ask("POST", "/v1/match", json_body=body, shape=MatchView)
        return answer

    def compare(self, a: str, b: str) -> Evidence:
        """Why two articles are, or are not, linked."""
        return self._get("/v1/compare", Evidence, {"a": a, "b": b})

    def changes(self, cursor: str | None = None, *, limit: int = 100, block: float | None = None) -> Page[Change]:
        """The changes after ``cursor``; waits up to ``block`` seconds when there is none yet."""
        query = {"cursor": cursor, "limit": limit, "wait": block}
        return self._get("/v1/changes", Page[Change], query, extra=block or 0.0)

    def follow(self, cursor: str | None = None) -> Iterator[Change]:
        """Yield the changes after ``cursor`` for ever, over Server-Sent Events; reconnects where it was."""
        while True:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": cursor} if cursor else {})
            try:
                with self._http.stream(
                    "GET", "/v1/changes", headers=headers, timeout=httpx.Timeout(self._timeout, read=45.0)
                ) as response:
                    if response.status_code != 200:
                        response.read()
                        raise _error_of(response)
                    for line in response.iter_lines():
                        if line.startswith("data: "):
                            change = msgspec.json.decode(line[6:], type=Change)
                            yield change
                            cursor = change.cursor
            except httpx.TransportError:
                time.sleep(1.0)

    def dead_letters(self, *, cursor: str | None = None, limit: int = 50) -> Page[DeadLetter]:
        """One page of messages that could not be processed; needs the admin scope."""
        return self._get("/v1/dead-letters", Page[DeadLetter], {"cursor": cursor, "limit": limit})

    def retry_dead(self, ids: Iterable[str]) -> int:
        """Send dead letters to the queue again; returns how many."""
        return sum(self._ask("POST", f"/v1/dead-letters/{_quoted(item)}/retry")["count"] for item in ids)

    def purge_dead(self, ids: Iterable[str]) -> int:
        """Throw dead letters away; returns how many."""
        return sum(self._ask("DELETE", f"/v1/dead-letters/{_quoted(item)}")["count"] for item in ids)

    def status(self) -> StatusView:
        """How the service stands."""
        return self._get("/v1/status", StatusView)

    def _get(self, path: str, shape: type[T], query: Mapping[str, Any] | None = None, *, extra: float = 0.0) -> T:
        answer: T = self._ask("GET", path, query=query, shape=shape, extra=extra)
        return answer

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json_body: Any = None,
        shape: Any = Any,
        extra: float = 0.0,
    ) -> Any:
        params = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        content = None if json_body is None else json.dumps(json_body, ensure_ascii=False).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            response = self._http.request(
                method, path, params=params, content=content, headers=headers, timeout=self._timeout + extra
            )
        except httpx.TransportError as error:
            raise StoreUnavailable(f"{self._http.base_url} does not answer: {error}") from None
        if response.status_code >= 400:
            raise _error_of(response)
        return msgspec.json.decode(response.content, type=shape) if response.content else None


class _Refused(ArticleError):
    """Every article of a batch was refused."""

    def __init__(self, rejections: Sequence[Rejection], reason: str) -> None:
        self.rejections = rejections
        first = rejections[0] if rejections else Rejection("body", None, reason)
        super().__init__(first.reason, field=first.field, origin=first.origin)


def _error_of(response: httpx.Response) -> DedupError:
    """The error that the server's own code would have raised."""
    try:
        problem: dict[str, Any] = response.json()
    except ValueError:
        return RequestRefused(response.status_code, {"title": response.reason_phrase})
    kind = str(problem.get("type", "")).rpartition(":")[2]
    detail = str(problem.get("detail", ""))
    if kind == "article":
        return _Refused([Rejection(**item) for item in problem.get("errors", ())], detail)
    known: dict[str, type[DedupError]] = {
        "not-found": NotFound,
        "input": InputError,
        "parameter": InputError,
        "cursor": InputError,
        "store-full": StoreFull,
        "queue-full": Backpressure,
        "store-unavailable": StoreUnavailable,
        "store": StoreError,
    }
    return known[kind](detail) if kind in known else RequestRefused(response.status_code, problem)


def _batches(articles: Iterable[Article | Mapping[str, Any]]) -> Iterator[tuple[int, list[Any]]]:
    batch: list[Any] = []
    start = 0
    for article in articles:
        batch.append(article.to_dict() if isinstance(article, Article) else article)
        if len(batch) == _BATCH:
            yield start, batch
            start += len(batch)
            batch = []
    if batch:
        yield start, batch


def _placed(rejections: Iterable[Rejection], start: int) -> list[Rejection]:
    """Count the articles of a later batch on from those before it."""
    placed = []
    for item in rejections:
        word, _, number = item.origin.partition(" ")
        origin = f"{word} {int(number) + start}" if number.isdecimal() else item.origin
        placed.append(Rejection(origin, item.field, item.reason))
    return placed


def _quoted(value: str) -> str:
    return quote(value, safe="")


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
