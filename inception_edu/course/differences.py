"""Where papers, libraries and this course differ: the rows of assets/differences.json as tables, one per chapter.

>>> differences = Differences.read()
>>> differences.where(chapter=7)  # in a notebook: what each source says, and what we do
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from ..data.files import asset
from ..show.html import table


@dataclass(frozen=True)
class Difference:
    """A place where sources disagree: the chapter it belongs to, what each source says, and what this course does.

    `test` is the pytest node id of the test that holds what we do, where there is one.

    Raises ValueError if nobody disagrees.
    """

    chapter: int
    place: str
    says: Mapping[str, str]
    here: str
    test: str = ""

    def __post_init__(self) -> None:
        if len({*self.says.values(), self.here}) < 2:
            raise ValueError(f"{self.place}: all sources say {self.here!r}, which is not a difference")


@dataclass(frozen=True)
class Differences:
    """Rows of the list: prints as a count, shows as a table per chapter in a notebook."""

    rows: tuple[Difference, ...]

    @classmethod
    def read(cls) -> "Differences":
        """Every row, chapter by chapter."""
        data = json.loads(asset("differences.json").read_text(encoding="utf-8"))
        return cls(tuple(Difference(**row) for row in data["rows"]))

    def where(self, chapter: int) -> "Differences":
        """The rows of one chapter only."""
        return Differences(tuple(row for row in self.rows if row.chapter == chapter))

    def __str__(self) -> str:
        count = len(self.rows)
        return f"{count} place{'s' * (count != 1)}, {sum(bool(row.test) for row in self.rows)} held by a test"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        chapters = dict.fromkeys(row.chapter for row in self.rows)
        heads = ("place", "what the sources say", "this course", "held by")
        tables = (
            table(
                heads, [_line(row) for row in self.where(chapter).rows], caption=f"chapter {chapter:02}", left=range(4)
            )
            for chapter in chapters
        )
        return f"<div>{''.join(tables)}</div>"


def _line(row: Difference) -> tuple[str, ...]:
    said = (Markup("<i>{}</i>: {}").format(_words(source), _words(words)) for source, words in row.says.items())
    held = Markup('<span title="{}">a test</span>').format(row.test) if row.test else ""
    return row.place, Markup("<br/>").join(said), _words(row.here), held


def _words(text: str) -> Markup:
    """Escaped, with what is between backticks as code."""
    return Markup(re.sub("`(.+?)`", r"<code>\1</code>", str(escape(text))))
