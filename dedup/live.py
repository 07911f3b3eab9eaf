"""The live stories of a language, in the memory of whoever decides (until the story room arrives: every group its own)."""
from dataclasses import dataclass
@dataclass
class Decision:
    story:int; other:int=0; probability:float=1.0; merged:tuple=()
class LiveLanguage:
    def __init__(s): s.position=-1
    @classmethod
    def load(cls, connection, lang, settings):
        return cls()
    def decide(s, records): return [Decision(r.number) for r in records]
    def add(s, record, story): pass
    def remove(s, number): pass
@dataclass
class Near:
    articles: tuple=(); story:int=0; probability:float|None=None
class Nearest:
    def __init__(s, settings): pass
    def find(s, record, lang, most):
        return Near()
        yield []
