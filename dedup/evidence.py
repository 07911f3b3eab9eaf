"""Evidence for people (until explanations arrive: the scores alone)."""
from dedup.views import Evidence
def evidence_of(a,b,j): return Evidence(jaccard=j.score)
def story_evidence(a,d,p): return Evidence(probability=p)
