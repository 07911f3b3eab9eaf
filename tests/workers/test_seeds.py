"""The five seed documents through real workers: the same two stories whatever the order of arrival."""

from __future__ import annotations

from dedup.readers import read_articles

TRUTH = {frozenset({"000", "001", "002", "004"}), frozenset({"003"})}
ORDERS = ["34012", "43210", "01234", "30412", "24130", "40321"]


def test_orders_of_arrival(running, seeds):
    service = running()
    articles = {article.id[:3]: article for article in read_articles([str(seeds)])}
    for order in ORDERS:
        for digit in order:
            service.push([articles[f"00{digit}"]], wait=30.0)
        stories = service.stories().items
        views = [service.story(story.id) for story in stories]
        assert {frozenset(member.id[:3] for member in view.members) for view in views} == TRUTH, order
        assert {view.canonical_id[:3] for view in views} == {"004", "003"}, order
        for article in articles.values():
            assert service.delete(article.id)
        assert service.stories().items == ()


def test_all_at_once(running, seeds):
    service = running()
    articles = list(read_articles([str(seeds)]))
    service.push(articles, wait=30.0, batch=1)
    stories = [service.story(story.id) for story in service.stories().items]
    assert {frozenset(member.id[:3] for member in view.members) for view in stories} == TRUTH
