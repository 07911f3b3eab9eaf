"""Degraded copies of an article, as reposts degrade them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dedup.article import Article

MOMENT = datetime(2024, 5, 6, 8, tzinfo=UTC)
_BARS = (
    "Chia sẻ bài viết lên Facebook Twitter Zalo Sao chép liên kết", "Đăng ký nhận bản tin hằng ngày của chúng tôi",
    "Tải ứng dụng để đọc tin nhanh hơn", "Bình luận của bạn sẽ được xét duyệt trước khi đăng",
    "Xem thêm tin cùng chuyên mục",
    "Mời quý độc giả theo dõi kênh của chúng tôi", "Bản quyền thuộc về tòa soạn, cấm sao chép dưới mọi hình thức",
)  # fmt: skip


def cut(text: str, rng: random.Random) -> str:
    """Keep the first 40% to 70% of the words."""
    words = text.split(" ")
    return " ".join(words[: max(20, int(len(words) * rng.uniform(0.4, 0.7)))])


def garbled(text: str, rng: random.Random) -> str:
    """Swap neighbours, drop words and put in wrong ones, as poor machine translation does."""
    words = text.split(" ")
    pool = [w for w in words if w.isalpha()] or words
    out: list[str] = []
    for word in words:
        roll = rng.random()
        if roll < 0.12 and out:
            out.insert(len(out) - 1, word)
        elif roll < 0.18:
            out += [word, rng.choice(pool)]
        elif roll > 0.06 + 0.12:
            out.append(word)
    return " ".join(out)


def padded(text: str, rng: random.Random) -> str:
    """Put widgets and lines of a site around the text."""
    lines = [rng.choice(_BARS) for _ in range(8)]
    return "\n".join([*lines[:3], text, *lines[3:]])


def story_of(original: Article, rng: random.Random) -> list[Article]:
    """Return the original and its degraded copies: cut, garbled, padded, later, and all of them in one."""

    def later() -> datetime:
        return MOMENT + timedelta(hours=rng.uniform(1, 30))

    first = replace(original, id="original", published_at=MOMENT)
    ways = {"cut": cut, "garbled": garbled, "padded": padded}
    same_time = [replace(first, id=name, text=way(first.text, rng)) for name, way in ways.items()]
    all_ways = padded(garbled(cut(first.text, rng), rng), rng)
    worse = [
        replace(first, id="later", published_at=later()),
        replace(first, id="all", text=all_ways, published_at=later()),
    ]
    late_copies = [replace(one, id=f"late-{one.id}", published_at=later()) for one in same_time]
    members = [first, *same_time, *worse, *late_copies]
    rng.shuffle(members)
    return members
