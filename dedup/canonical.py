"""The canonical article of a story (until the canonical rule arrives: the first)."""
def pick(records, policy, trust): return min(r.number for r in records)
def rank_records(records, policy, trust): 
    from dedup.views import CanonicalScore
    return [CanonicalScore(r.id,1.0,{}) for r in records]
