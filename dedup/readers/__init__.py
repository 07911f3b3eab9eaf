"""Files, folders and streams to articles.

>>> articles = list(read_articles(["seeds"]))  # doctest: +SKIP

What cannot be read is handed to ``on_reject`` as an error that names the file, the line
and the field; the rest goes on.
"""

from dedup.readers.articles import Rejected, expand_inputs, read_articles
from dedup.readers.textfile import parse_text

__all__ = ["Rejected", "expand_inputs", "parse_text", "read_articles"]
