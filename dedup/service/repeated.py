"""The lines that each source repeats, as the nightly job last left them in the store."""

from __future__ import annotations

from dedup.store import keys
from dedup.store.connection import Plan
from dedup.text.boilerplate import HEAD, Boilerplate


class RepeatedLines:
    """Reads the statistics, and again when they have changed; a store begins without any."""

    def __init__(self) -> None:
        self._known: tuple[bytes, Boilerplate | None] = (b"", None)

    def current(self) -> Plan[Boilerplate | None]:
        """The statistics that articles coming in now are featurised under."""
        name = keys.snapshot(keys.BOILERPLATE)
        (head,) = yield [("GETRANGE", name, 0, HEAD - 1)]
        if head != self._known[0]:
            (packed,) = yield [("GET", name)]
            self._known = (packed[:HEAD], Boilerplate.unpack(packed)) if packed else (b"", None)
        return self._known[1]
