"""Which language a text is in: by script, by letters only one language uses, and by stop words; offline, cheap."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from dedup.text.plain import tokens

#: Characters of the beginning of a text that are looked at.
SAMPLE = 1500
_STOP_WORDS = {
    "vi": "và của là có được cho trong không với các người này đã một những khi để theo về đến từ ở ra như cũng tại",
    "en": "the of and to in is that for it was on with as by at from his her be this are not have has but said they",
    "fr": "le la les des et est une du dans que pour qui sur pas plus par au avec ce il sont aux mais ont été cette",
    "de": "der die das und ist nicht mit ein eine den von zu dem auf für im sich des auch als werden bei nach hat",
    "es": "el los las que y en una del por con para se su al lo como más pero fue está este ha sus también años",
    "pt": "o os as que e em um uma do da não com para por no na se mais dos foi ao das como são pelo pela também",
    "it": "il di che è la un una per non con sono del della si da gli dei nel anche più alla le come ha questo",
    "nl": "de het een van en in is dat op te zijn met voor niet aan er om ook als bij naar uit nog worden heeft",
    "id": "yang dan di dengan untuk pada ini itu dari dalam tidak akan ke telah adalah oleh juga karena para mereka",
    "pl": "się nie na jest że do to w z jak po ale od za przez dla był oraz jego tym także został roku są być",
    "tr": "ve bir bu için ile da de olarak çok daha olan gibi kadar sonra ne ise değil en var olduğu her ancak",
}
#: Letters of Vietnamese that no other language of the list uses.
_VIETNAMESE = "[ăđơưĂĐƠƯ\u1ea0-\u1ef9]"
#: Letters of a language, and the share of them from which a text is in it.
_SCRIPTS = (
    ("ja", "[\u3041-\u30ff]", 0.05),
    ("zh", "[\u3400-\u9fff]", 0.3),
    ("ko", "[\uac00-\ud7a3]", 0.3),
    ("th", "[\u0e01-\u0e4e]", 0.3),
    ("lo", "[\u0e81-\u0edf]", 0.3),
    ("km", "[\u1780-\u17d3]", 0.3),
    ("ar", "[\u0620-\u06d3]", 0.3),
    ("hi", "[\u0900-\u0963]", 0.3),
    ("he", "[\u05d0-\u05ea]", 0.3),
    ("el", "[\u0386-\u03ff]", 0.3),
    ("ru", "[\u0400-\u04ff]", 0.3),
)


@cache
def _languages_of() -> dict[str, list[str]]:
    """Return the languages each stop word belongs to; made at first use, as importing is to be quick."""
    found: dict[str, list[str]] = {}
    for code, words in _STOP_WORDS.items():
        for word in words.split():
            found.setdefault(tokens(word)[0], []).append(code)
    return found


def detect_language(texts: Iterable[str | None]) -> list[str | None]:
    """Return the ISO 639-1 code of each text's language, ``None`` where the text does not tell.

    Parameters
    ----------
    texts:
        Texts; the first :data:`SAMPLE` characters of each are read.

    Returns
    -------
    list of str or None
        Persian counts as ``ar`` and Ukrainian as ``ru``: scripts beside the Latin one are not told apart further.

    Examples
    --------
    >>> from dedup.text import detect_language
    >>> detect_language(["Giá vàng hôm nay tăng", "The price of gold rose on Monday", "20"])
    ['vi', 'en', None]
    """
    return [_language(text[:SAMPLE]) if text else None for text in texts]


def _language(sample: str) -> str | None:
    letters = sum(map(str.isalpha, sample))
    if letters < 2:
        return None
    if not sample.isascii():
        for code, letter, share in _SCRIPTS:
            if len(re.findall(letter, sample)) >= share * letters:
                return code
        if len(re.findall(_VIETNAMESE, sample)) >= 0.03 * letters:
            return "vi"
    votes: Counter[str] = Counter()
    words = tokens(sample)
    languages = _languages_of()
    for word in words:
        votes.update(languages.get(word, ()))
    if not votes:
        return None
    (best, hits), *others = votes.most_common(2)
    tied = bool(others) and others[0][1] == hits
    return None if tied or hits < 0.05 * len(words) else best
