"""Who asks, what they may do, and how often: the dependency every route under ``/v1`` and every page has."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import Request

from dedup.api import keys
from dedup.api.problems import Problem
from dedup.store import access

if TYPE_CHECKING:
    from dedup.store.connection import AsyncConnection

SESSION_COOKIE = "dedup_session"
SESSION_SECONDS = 12 * 3600
#: An API process asks the store about a key at most this often, so a revoked key lives on for at most this long.
_LEASE_SECONDS = 1.0
_LEASES = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.  ``key_id`` is ``None`` where no keys are required."""

    key_id: str | None
    scopes: tuple[str, ...]

    def may(self, scope: str) -> bool:
        """Whether the caller has ``scope``."""
        return keys.allows(self.scopes, scope)

    def must(self, scope: str) -> None:
        """Refuse a caller who has not ``scope``."""
        if not self.may(scope):
            raise Problem(403, "scope", f"this key has {', '.join(self.scopes)}; {scope} is needed")


@dataclass(slots=True)
class _Lease:
    """A key's secret as checked against the store, and requests taken from its allowance in advance."""

    digest: str
    scopes: tuple[str, ...]
    left: int
    until: float


@dataclass(slots=True)
class Gate:
    """Checks keys and rates against the store.

    Parameters
    ----------
    connection:
        To the store.
    required:
        Whether requests without a key are refused; otherwise they may do everything.
    rate_per_minute:
        Requests a minute of keys that have no rate of their own.
    """

    connection: AsyncConnection
    required: bool
    rate_per_minute: int
    clock: Callable[[], float] = time.monotonic
    _leases: dict[str, _Lease] = field(default_factory=dict)

    async def admit(self, key: str | None) -> Caller:
        """Let a request with this key pass, or raise the right refusal."""
        if key is None:
            if self.required:
                raise _unauthorised("an API key is needed: Authorization: Bearer dk_…")
            return Caller(None, keys.SCOPES)
        parsed = keys.parse(key)
        if parsed is None:
            raise _unauthorised("that is not an API key")
        return await self.admit_id(parsed[0], parsed[1])

    async def admit_id(self, key_id: str, secret: str | None) -> Caller:
        """Let a key pass whose secret is to be checked, or ``None`` where a session stands for it."""
        lease = self._leases.get(key_id)
        if lease is None or lease.left < 1 or self.clock() >= lease.until:
            lease = await self._take(key_id, secret)
        if secret is not None and not keys.same_secret(secret, lease.digest):
            raise _unauthorised("that API key is not known, or was revoked")
        lease.left -= 1
        return Caller(key_id, lease.scopes)

    async def _take(self, key_id: str, secret: str | None) -> _Lease:
        wanted = max(1, self.rate_per_minute // 1200)  # a twentieth of a second's worth
        grant = await self.connection.run(access.take(key_id, rate=self.rate_per_minute, wanted=wanted))
        self._leases.pop(key_id, None)
        if grant is None or grant.revoked or (secret is not None and not keys.same_secret(secret, grant.digest)):
            raise _unauthorised("that API key is not known, or was revoked")
        if grant.granted < 1:
            wait = max(1, math.ceil(grant.wait_seconds))
            raise Problem(
                429, "rate", f"too many requests for this key; wait {wait} s", headers={"Retry-After": str(wait)}
            )
        if len(self._leases) >= _LEASES:
            self._leases.clear()
        lease = _Lease(grant.digest, grant.scopes, grant.granted, self.clock() + _LEASE_SECONDS)
        self._leases[key_id] = lease
        return lease

    async def open_session(self, key: str) -> str:
        """Turn a good key into a session token for a browser; the key itself is never put into a cookie."""
        caller = await self.admit(key)
        assert caller.key_id is not None
        token = secrets.token_urlsafe(32)
        plan = access.open_session(keys.digest(token), caller.key_id, seconds=SESSION_SECONDS)
        await self.connection.run(plan)
        return token

    async def resume(self, token: str) -> Caller | None:
        """Caller behind a session token, or ``None`` when it has ended."""
        key_id = await self.connection.run(access.session_key(keys.digest(token)))
        return None if key_id is None else await self.admit_id(key_id, None)

    async def close_session(self, token: str) -> None:
        """End a session."""
        await self.connection.run(access.close_session(keys.digest(token)))


def presented_key(request: Request) -> str | None:
    """Key of the request: ``Authorization: Bearer`` (RFC 6750) or ``X-API-Key``."""
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthorised("only the Bearer scheme is understood")
        return value.strip()
    return request.headers.get("x-api-key")


def need(scope: str) -> Callable[[Request], Coroutine[Any, Any, Caller]]:
    """Dependency that lets only callers with ``scope`` pass."""

    async def check(request: Request) -> Caller:
        gate: Gate = request.app.state.gate
        caller = await gate.admit(presented_key(request))
        request.state.who = caller
        caller.must(scope)
        return caller

    return check


def _unauthorised(detail: str) -> Problem:
    return Problem(401, "key", detail, headers={"WWW-Authenticate": 'Bearer realm="dedup"'})
