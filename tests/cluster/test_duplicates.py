"""From raw text to groups: exact, complete, deterministic, linear where it is hot."""

from __future__ import annotations

import tracemalloc
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import dedup
from benchmarks.corpus import generate
from dedup.batch.memory import map_table
from dedup.cluster import duplicates as room
from dedup.cluster.relation import Relation
from dedup.sketch import ShingleSets


@pytest.fixture(scope="module")
def corpus() -> list[dict]:
    return list(generate(3000, seed=11))


@pytest.fixture(scope="module")
def texts(corpus: list[dict]) -> list[str]:
    return [row["text"] for row in corpus]


def _all_pairs(texts: list[str], threshold: float) -> dict[tuple[int, int], float]:
    """Every pair at the threshold, by an inverted index over exact shingle sets."""
    sets = ShingleSets.of(texts)
    owners = np.repeat(np.arange(len(texts)), sets.sizes)
    by = np.argsort(sets.hashes, kind="stable")
    hashes, owners = sets.hashes[by], owners[by]
    bounds = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1], [True]]))
    codes = {
        pair
        for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        if 1 < b - a < 100
        for pair in combinations(sorted(owners[a:b].tolist()), 2)
    }
    left, right = np.array(sorted(codes)).T
    scores = sets.scores(left, right).jaccard
    return {(i, j): s for i, j, s in zip(left.tolist(), right.tolist(), scores.tolist(), strict=True) if s >= threshold}


@pytest.mark.parametrize(("threshold", "recall"), [(0.5, 0.98), (0.8, 0.995)])
def test_pairs_are_exact_and_complete(texts: list[str], threshold: float, recall: float) -> None:
    truth = _all_pairs(texts, threshold)
    found = dedup.find_duplicates(texts, threshold=threshold)
    pairs = found.pairs
    verified = {}
    for i, j, score, relation in zip(pairs.left, pairs.right, pairs.jaccard, pairs.relation, strict=True):
        if relation in (Relation.IDENTICAL, Relation.NEAR_DUPLICATE):
            assert truth[int(i), int(j)] == pytest.approx(score, abs=1e-12)
        verified[int(i), int(j)] = relation
    first = np.arange(len(texts))
    same = pairs.relation == Relation.IDENTICAL
    first[pairs.right[same]] = pairs.left[same]
    hits = 0
    for i, j in truth:
        a, b = sorted((int(first[i]), int(first[j])))
        hits += a == b or (a, b) in verified
    assert hits / len(truth) >= recall


def test_planted_edits_are_found(corpus: list[dict], texts: list[str]) -> None:
    found = dedup.find_duplicates(texts)
    number = {row["id"]: i for i, row in enumerate(corpus)}
    together: dict[str, list[bool]] = {}
    for i, row in enumerate(corpus):
        if row["edit"]:
            base = number[row["planted_from"]]
            together.setdefault(row["edit"], []).append(bool(found.labels[i] == found.labels[base]))
    share = {kind: np.mean(hits) for kind, hits in together.items()}
    assert share.pop("template") < 0.1
    assert share.pop("excerpt") > 0.9
    assert min(share.values()) > 0.97, share
    stories = [corpus[int(group[0])]["story_id"] for group in found.groups]
    assert len(stories) > 100


def test_every_member_is_verified_against_its_representative(texts: list[str]) -> None:
    found = dedup.find_duplicates(texts)
    anchors = found.representatives[found.labels]
    scores = ShingleSets.of(texts).scores(np.arange(len(texts)), anchors)
    for relation, score in ((Relation.NEAR_DUPLICATE, scores.jaccard), (Relation.EXCERPT, scores.containment)):
        of = found.relations == relation
        assert np.any(of)
        assert np.allclose(found.scores[of], score[of])
    assert np.all(scores.jaccard[found.relations == Relation.NEAR_DUPLICATE] >= 0.5)
    assert np.all(scores.containment_left[found.relations == Relation.EXCERPT] >= 0.8)
    assert np.array_equal(anchors[anchors], anchors)


def test_threads_container_and_mapped_tables_do_not_matter(texts: list[str], tmp_path: Path) -> None:
    one = dedup.find_duplicates(texts, threads=1)
    chunked = pa.chunked_array([texts[:7], texts[7:]])
    for other in (
        dedup.find_duplicates(pa.array(texts), threads=4),
        dedup.find_duplicates(chunked, table=lambda name, shape: map_table(tmp_path / name, shape)),
    ):
        for name in ("labels", "representatives", "relations", "scores"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert one.pairs.to_arrow().equals(other.pairs.to_arrow())
    assert (tmp_path / "signatures").stat().st_size == len(texts) * 512


@pytest.mark.parametrize("threads", [1, 3])
def test_memory_is_as_told(threads: int) -> None:
    """The formula in the docstring of find_duplicates, against what numpy allocates (which tracemalloc sees)."""
    n, words = 30_000, 40
    draw = np.random.default_rng(13)
    texts = [_article(draw, words) for _ in range(n)]
    for i in range(0, n, 10):
        texts[i + 1] = f"{texts[i]} thêm"
    column = pa.array(texts)
    dedup.find_duplicates(column[:100], threads=threads)
    tracemalloc.start()
    found = dedup.find_duplicates(column, threads=threads)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    tables = n * (4 * 128 + 274)
    joining = max(24 * n * threads, 8 * (words - 4) * n)
    verifying = 2 * 8192 * words * 16
    assert tables < peak < tables + joining + 100 * len(found.pairs) + 12_000_000 * threads + verifying


def test_templates_are_reported_and_kept_apart() -> None:
    form = (
        "Giá vàng ngày {} tháng {}: SJC niêm yết mua vào {} triệu đồng, bán ra {} triệu đồng một lượng. "
        "Các chuyên gia cho rằng thị trường còn nhiều biến động khó lường trong thời gian tới do nhà đầu tư thận trọng "
        "trước khi ngân hàng trung ương công bố lãi suất, trong khi nhu cầu trang sức của người dân vẫn ổn định"
    )
    days = [form.format(day, 1 + day % 12, 35 + day, 50 + 3 * day) for day in range(1, 20)]
    found = dedup.find_duplicates([*days, days[3].upper()])
    assert len(found.representatives) == len(days)
    assert found.labels[3] == found.labels[-1]
    assert set(found.pairs.relation.tolist()) == {Relation.TEMPLATE, Relation.IDENTICAL}


def test_templates_that_are_mostly_numbers_are_reported() -> None:
    draw = np.random.default_rng(2)
    provinces = ["An Giang", "Bình Định", "Cà Mau", "Đà Lạt", "Gia Lai", "Hậu Giang", "Kon Tum", "Long An"]

    def day() -> str:
        prizes = zip(provinces, draw.integers(10**5, 10**6, (8, 2)).tolist(), strict=True)
        return ". ".join(f"Đài xổ số {place} giải đặc biệt {a} giải nhất {b}" for place, (a, b) in prizes)

    found = dedup.find_duplicates([day(), day()])
    assert found.pairs.relation.tolist() == [Relation.TEMPLATE]
    assert len(found.representatives) == 2


def _article(draw: np.random.Generator, words: int) -> str:
    return " ".join(f"w{i}" for i in draw.integers(0, 10**6, words))


@pytest.mark.parametrize("length", [60, 600, 3000])
@pytest.mark.parametrize("ratio", [1.5, 2.0, 3.0, 4.0])
def test_a_cut_is_found_by_containment(ratio: float, length: int) -> None:
    draw = np.random.default_rng(9)
    wholes = [_article(draw, length) for _ in range(40)]
    start = length // 12
    cuts = [" ".join(w.split()[start : start + int(length / ratio)]) for w in wholes]
    found = dedup.find_duplicates(cuts + wholes)
    joined = np.flatnonzero(found.labels[:40] == found.labels[40:])
    assert len(joined) >= 39
    if ratio >= 2.5:  # below, the Jaccard alone makes them near-duplicates
        assert np.all(found.relations[joined] == Relation.EXCERPT)
    assert Relation.EXCERPT not in found.relations[40:]


def test_a_shared_excerpt_does_not_join_two_articles() -> None:
    draw = np.random.default_rng(10)
    passage = _article(draw, 100)
    texts = [passage, f"{_article(draw, 200)} {passage}", f"{passage} {_article(draw, 220)}"]
    found = dedup.find_duplicates(texts)
    assert found.labels[1] != found.labels[2]
    assert found.pairs.relation.tolist() == [Relation.EXCERPT, Relation.EXCERPT]


def test_drifting_texts_do_not_chain() -> None:
    draw = np.random.default_rng(12)
    words = _article(draw, 400).split()
    texts = []
    for step in range(60):
        words[step * 6 : step * 6 + 6] = _article(draw, 6).split()
        texts.append(" ".join(words))
    found = dedup.find_duplicates(texts, threshold=0.7, excerpts=False)
    anchors = found.representatives[found.labels]
    scores = ShingleSets.of(texts).scores(np.arange(60), anchors).jaccard
    assert np.all(scores >= 0.7)
    assert 3 <= len(found.representatives) < 30


def test_blank_and_wordless_texts() -> None:
    found = dedup.find_duplicates(["", None, " \n\t", "", "😀😀", "😀😀", "!", "một hai", "MỘT, hai"])
    assert found.labels.tolist() == [0, 1, 2, 3, 4, 4, 5, 6, 6]


def test_order_chooses_the_representative(texts: list[str]) -> None:
    some = texts[:800]
    forward = dedup.find_duplicates(some)
    backward = dedup.find_duplicates(some, order=np.arange(len(some))[::-1])
    same = forward.pairs.relation == Relation.IDENTICAL
    for i, j in zip(forward.pairs.left[same].tolist(), forward.pairs.right[same].tolist(), strict=True):
        assert forward.labels[i] == forward.labels[j]
        assert backward.labels[i] == backward.labels[j]
        assert forward.relations[j] != Relation.ORIGINAL
        assert backward.relations[i] != Relation.ORIGINAL


def _count_pairs(monkeypatch: pytest.MonkeyPatch, texts: list[str]) -> tuple[int, room.Duplicates]:
    """How many candidate pairs reach exact verification: the work, counted."""
    from dedup.sketch import verify

    seen = 0
    honest = verify.score_pairs

    def counted(texts: object, left: np.ndarray, right: np.ndarray, **options: object) -> object:
        nonlocal seen
        seen += len(left)
        return honest(texts, left, right, **options)

    monkeypatch.setattr(verify, "score_pairs", counted)
    monkeypatch.setattr(room, "score_pairs", counted)
    found = dedup.find_duplicates(texts)
    return seen, found


def test_work_on_copies_and_light_edits_of_one_article_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(20)
    words = _article(draw, 120).split()

    def family(size: int) -> list[str]:
        texts = []
        for i in range(size):
            edited = list(words)
            if i % 2:
                edited[int(draw.integers(120))] = f"sửa{i}"
            texts.append(" ".join(edited))
        return texts

    work = {}
    for size in (1000, 4000):
        work[size], found = _count_pairs(monkeypatch, family(size))
        assert len(found.representatives) == 1
    assert work[4000] < 6 * work[1000]
    assert work[4000] < 200 * 4000


def test_work_on_a_shared_boilerplate_is_linear_and_merges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(21)
    boilerplate = _article(draw, 100)
    work = {}
    for size in (1000, 4000):
        texts = [f"{_article(draw, 120)} {boilerplate}" for _ in range(size)]
        work[size], found = _count_pairs(monkeypatch, texts)
        assert len(found.representatives) == size
    assert work[4000] < 6 * max(1, work[1000])


def test_results_explain_themselves() -> None:
    found = dedup.find_duplicates(["một hai ba", "Một hai ba!", "khác"], ids=["a", "b", "c"])
    assert repr(found) == "Duplicates(3 texts, 2 groups, 33.3% duplicates, 1 pairs)"
    assert found.explain(0) == "a represents its group of 2"
    assert found.explain(1) == "b is identical of a: verified Jaccard 1.000"
    assert found.to_arrow().to_pylist()[1] == {
        "id": "b", "group": 0, "representative": "a", "relation": "identical", "score": 1.0,
    }  # fmt: skip
    assert found.pairs.to_arrow(found.ids).to_pylist()[0]["right"] == "b"
    assert [g.tolist() for g in found.groups] == [[0, 1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": 1.1}, "threshold"),
        ({"ids": ["a"]}, "1 ids for 2"),
        ({"order": [0, 0]}, "order"),
    ],
)
def test_wrong_arguments_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dedup.find_duplicates(["a", "b"], **options)
