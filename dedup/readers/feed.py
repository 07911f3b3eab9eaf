"""RSS 2.0 and Atom (RFC 4287) feeds; entities and external references are refused, not expanded."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import parse

from dedup.errors import InputError
from dedup.readers.chunks import Raw
from dedup.readers.streams import open_bytes

_TAG = re.compile(r"<[^>]+>")
_BREAK = re.compile(r"(?i)</?(p|br|div|li|h[1-6]|tr)\b[^>]*>")


def records(path: str) -> Iterator[Raw]:
    """Yield the items of a feed."""
    try:
        with open_bytes(path) as stream:
            root = parse(stream).getroot()
    except (ParseError, DefusedXmlException) as error:
        raise InputError(f"{path}: not a feed this tool reads: {error}") from None
    items = [node for node in root.iter() if _name(node) in ("item", "entry")]
    for number, item in enumerate(items, 1):
        yield f"{path}:item {number}", _item(item)


def _item(item: Element) -> dict[str, Any]:
    record: dict[str, Any] = {}
    bodies: list[str] = []
    for node in item:
        name, text = _name(node), "".join(node.itertext()).strip()
        if name == "title" and text:
            record["title"] = _plain(text)
        elif name == "link" and node.get("rel", "alternate") == "alternate":
            record.setdefault("url", node.get("href") or text)
        elif name in ("guid", "id") and text:
            record["id"] = re.sub(r"\s+", "_", text)
        elif name in ("pubdate", "published", "date") or (name == "updated" and "published_at" not in record):
            record["published_at"] = _moment(text)
        elif name in ("description", "summary", "content", "encoded") and text:
            bodies.append(_plain(text))
        elif name == "source" and text:
            record["source"] = text
    record["text"] = max(bodies, key=len, default="")
    return record


def _name(node: Element) -> str:
    return str(node.tag).rsplit("}", 1)[-1].lower()


def _plain(text: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text))).strip()


def _moment(text: str) -> Any:
    try:
        return parsedate_to_datetime(text)  # RFC 5322, as RSS has it
    except ValueError:
        return text  # ISO 8601, as Atom has it; the article says if it is neither
