"""API keys: making, checking, listing and revoking them.

A key reads ``dk_ID_SECRET``.  The secret has 256 random bits, so a plain hash (BLAKE2b, RFC 7693) of it is enough to
store: there is nothing to guess.  It is shown once, when made, and never logged.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

from dedup.errors import InputError, NotFound
from dedup.store import access

if TYPE_CHECKING:
    from dedup.store.connection import Connection

#: What a key may do.  ``write`` includes ``read``; ``admin`` includes both.
SCOPES = ("read", "write", "admin")

_KEY = re.compile(r"dk_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown: never its secret."""

    id: str
    scopes: tuple[str, ...]
    label: str
    created: str
    revoked: str | None
    rate_per_minute: int | None


def create_key(
    connection: Connection,
    *,
    scopes: Iterable[str],
    label: str = "",
    rate_per_minute: int | None = None,
    now: Callable[[], datetime] = _now,
) -> tuple[ApiKey, str]:
    """Make and store a key.

    Parameters
    ----------
    connection:
        To the store.
    scopes:
        Some of :data:`SCOPES`.
    label:
        For whom or what; shown in lists.
    rate_per_minute:
        Requests a minute; the setting ``api.rate_per_minute`` when ``None``.

    Returns
    -------
    key, secret:
        What may be shown, and the whole key, which cannot be had again.

    Raises
    ------
    InputError
        For an unknown scope or none, or a rate below one.
    """
    wanted = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise InputError(f"scopes {unknown or 'missing'}; choose among {', '.join(SCOPES)}")
    if rate_per_minute is not None and rate_per_minute < 1:
        raise InputError(f"rate_per_minute {rate_per_minute}: at least 1")
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(12))
    secret = secrets.token_urlsafe(32)
    created = now().isoformat(timespec="milliseconds")
    stored = access.StoredKey(key_id, digest(secret), wanted, label[:200], created, None, rate_per_minute)
    connection.run(access.put(stored))
    return _shown(stored), f"dk_{key_id}_{secret}"


def list_keys(connection: Connection) -> list[ApiKey]:
    """Return all keys, revoked ones too, the oldest first."""
    return [_shown(key) for key in connection.run(access.every())]


def revoke_key(connection: Connection, key_id: str, *, now: Callable[[], datetime] = _now) -> None:
    """Revoke a key; API processes notice within a second.

    Raises
    ------
    NotFound
        When no key has that id.
    """
    if not connection.run(access.revoke(key_id, now().isoformat(timespec="milliseconds"))):
        raise NotFound(f"no API key {key_id!r}; see dedup keys list")


def parse(key: str) -> tuple[str, str] | None:
    """Split a key into its id and its secret; ``None`` for anything else."""
    match = _KEY.fullmatch(key)
    return (match[1], match[2]) if match else None


def digest(secret: str) -> str:
    """BLAKE2b-256 of a secret, in hexadecimal."""
    return blake2b(secret.encode(), digest_size=32).hexdigest()


def same_secret(secret: str, stored: str) -> bool:
    """Whether ``secret`` is the one whose digest was stored; takes the same time either way."""
    return hmac.compare_digest(digest(secret), stored)


def allows(scopes: Iterable[str], needed: str) -> bool:
    """Whether a key of these scopes may do what ``needed`` names."""
    return any(SCOPES.index(scope) >= SCOPES.index(needed) for scope in scopes if scope in SCOPES)


def _shown(key: access.StoredKey) -> ApiKey:
    return ApiKey(key.id, key.scopes, key.label, key.created, key.revoked, key.rate)
