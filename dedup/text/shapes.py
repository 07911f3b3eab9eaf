"""Shapes of tokens and of what stands between them, as the tokeniser notes them (see :class:`dedup.text.Tokens`)."""

from __future__ import annotations

#: Bits of a token's flags.
CAPITAL = 1  #: the first letter is upper case
ALLCAPS = 2  #: two letters or more, all upper case
DIGITS = 4  #: decimal digits only
MIXED = 8  #: letters and digits
SENTENCE_START = 16  #: first of the text, of a line, or after a full stop and a space
LINE_START = 32  #: first of the text or of a line

#: What stands between the previous token and this one.
NOTHING = 0  #: first token of its text, or adjacent to the previous one
SPACES = 1  #: spaces only
SLASH = 2  #: one "/" without spaces
DASH = 3  #: one hyphen or dash without spaces
DOT = 4  #: one "." without spaces
COMMA = 5  #: one "," without spaces
COLON = 6  #: one ":" without spaces
NEWLINE = 7  #: anything with a line break
OTHER = 8  #: any other punctuation, with or without spaces (", " is this)
SPACED_DASH = 9  #: one hyphen or dash with spaces on both sides
