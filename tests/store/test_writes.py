"""What goes to one key goes in one command; none is larger than a script can hand over."""

from __future__ import annotations

from dedup.store.connection import Connection
from dedup.store.writes import Writes, spread


def test_cells_and_ranks_of_one_key_go_together(store: Connection) -> None:
    store.one("HSET", "{d}:h", "gone", b"x")
    store.one("ZADD", "{d}:z", 5, "gone")
    writes = Writes()
    for n in range(3):
        writes.cell("{d}:h", n, b"%d" % n)
        writes.rank("{d}:z", n, 10 * n)
    writes.cell("{d}:h", "gone", None)
    writes.rank("{d}:z", "gone", None)
    commands = writes.commands()
    assert sorted(str(command[0]) for command in commands) == ["HDEL", "HSET", "ZADD", "ZREM"]
    store.execute(commands)
    assert store.one("HGETALL", "{d}:h") == {b"0": b"0", b"1": b"1", b"2": b"2"}
    assert store.one("ZRANGE", "{d}:z", 0, -1) == [b"0", b"1", b"2"]


def test_no_command_is_huge() -> None:
    commands = list(spread("RPUSH", "key", range(2500)))
    assert [word for command in commands for word in command[2:]] == list(range(2500))
    assert max(map(len, commands)) < 7000
    assert not list(spread("RPUSH", "key", []))
