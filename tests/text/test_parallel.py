"""Work on several threads: everything done, in order, and failures raised."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from dedup.text.columns import Texts
from dedup.text.parallel import gather, map_texts


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("size", [0, 1, 1000])
def test_results_are_in_the_order_of_the_items(threads: int, size: int) -> None:
    assert gather(lambda n: n * n, iter(range(size)), threads=threads) == [n * n for n in range(size)]


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_a_failure_is_raised_and_ends_the_work(threads: int) -> None:
    with pytest.raises(ZeroDivisionError):
        gather(lambda n: 1 // (n - 50), count(), threads=threads)


@pytest.mark.parametrize("threads", [1, 3])
def test_items_that_cannot_be_made_are_a_failure(threads: int) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        gather(lambda n: n, items(), threads=threads)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_pieces_are_consecutive_and_whole(threads: int) -> None:
    texts = [f"văn bản số {n} " * (n % 400) for n in range(9000)]

    def read(first: int, part: Texts) -> list[tuple[int, str]]:
        return list(enumerate(part, first))

    parts = map_texts(read, texts, threads=threads)
    assert [pair for part in parts for pair in part] == list(enumerate(texts))
    assert len(parts) > threads
