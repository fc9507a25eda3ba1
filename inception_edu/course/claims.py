"""The claims ledger: what four tutorials say, a verdict and a better sentence for each, and the cells that check it.

The rows are in one data file, assets/claims.json. A code cell of a chapter that carries the tag `claim:ID`
checks the row ID; `tagged_cells` finds those cells, so no list of them is kept anywhere.

>>> ledger = Ledger.read("chapters")
>>> ledger  # in a notebook: a table per tutorial, with a link to each cell
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..data.files import asset
from ..show.html import table

VERDICTS = ("true", "imprecise", "false", "unsupported", "not applicable")
"""What a claim can be, kindest first."""
TAG = "claim:"
"""How the tag of a cell that checks a claim begins; the claim's id follows."""


@dataclass(frozen=True)
class Source:
    """A tutorial: its number here, its title, where it is and its language."""

    id: str
    title: str
    where: str
    language: str


@dataclass(frozen=True)
class Claim:
    """One row: what is said, in our words, whether it is right, and a better sentence.

    `chapter` is where it belongs. A row is `checked` by cells of chapters, or by `test` (a pytest node id), or it
    relies on `source` (a citation); in the last two cases `why` says why no cell checks it.

    Raises ValueError for an unknown verdict and for a row with none, or more than one, of the three.
    """

    id: str
    claim: str
    verdict: str
    sentence: str
    chapter: str
    checked: bool = False
    test: str = ""
    source: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"{self.id} is said to be {self.verdict!r}; a verdict is one of {', '.join(VERDICTS)}")
        if (self.checked, bool(self.test), bool(self.source)).count(True) != 1:
            raise ValueError(f"{self.id} must be checked by cells, or name a test, or cite a source: one of the three")
        if bool(self.why) == self.checked:
            raise ValueError(f"{self.id} must say why no cell checks it" if not self.why else f"{self.id} needs no why")

    @property
    def tested(self) -> bool:
        """Whether code checks it: cells or a test."""
        return self.checked or bool(self.test)


@dataclass(frozen=True)
class Check:
    """A code cell that carries a claim's tag: the notebook's name without its ending, and the cell's id.

    `number` is the one in brackets next to the cell, None if it was never executed; `failed` says whether it
    ended in an error.
    """

    chapter: str
    cell: str
    number: int | None
    failed: bool = False

    @property
    def ran(self) -> bool:
        """Whether it was executed and ended without an error."""
        return self.number is not None and not self.failed

    @property
    def link(self) -> str:
        """Relative to the other chapters, with the fragment by which JupyterLab finds a cell."""
        return f"{self.chapter}.ipynb#cell-id={self.cell}"


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(asset("claims.json").read_text(encoding="utf-8"))
    return data


def load_claims() -> tuple[Claim, ...]:
    """Every row of the ledger, in order."""
    return tuple(Claim(**row) for row in _data()["rows"])


def load_sources() -> dict[str, Source]:
    """Number -> tutorial: the first three digits of a claim's id."""
    return {source["id"]: Source(**source) for source in _data()["sources"]}


def papers() -> dict[str, str]:
    """The short name of each paper that the rows cite -> its number on arXiv."""
    return dict(_data()["papers"])


def tagged_cells(folder: str | Path) -> dict[str, tuple[Check, ...]]:
    """Claim id -> the code cells of the notebooks in `folder` that carry its tag, in the order of reading.

    Notebooks are read as JSON and nothing is run. Those whose names begin with a dot are left out.
    """
    found: dict[str, list[Check]] = {}
    for path in sorted(Path(folder).glob("[!.]*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] != "code":
                continue
            failed = any(output["output_type"] == "error" for output in cell["outputs"])
            check = Check(path.stem, cell["id"], cell["execution_count"], failed)
            for tag in cell["metadata"].get("tags", []):
                if tag.startswith(TAG):
                    found.setdefault(tag.removeprefix(TAG), []).append(check)
    return {claim: tuple(checks) for claim, checks in found.items()}


@dataclass(frozen=True)
class Ledger:
    """Claims with the cells that check them: prints as counts, shows as a table per tutorial in a notebook."""

    claims: tuple[Claim, ...]
    cells: Mapping[str, tuple[Check, ...]] = field(repr=False)

    @classmethod
    def read(cls, folder: str | Path) -> "Ledger":
        """All claims, with the cells of the chapters in `folder`."""
        return cls(load_claims(), tagged_cells(folder))

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Verdict -> rows tested by cells, tested by a test of the package, only cited; "all" is their sum."""
        kinds = {verdict: [claim for claim in self.claims if claim.verdict == verdict] for verdict in VERDICTS}
        return {
            name: (sum(c.checked for c in rows), sum(bool(c.test) for c in rows), sum(bool(c.source) for c in rows))
            for name, rows in (kinds | {"all": list(self.claims)}).items()
        }

    def where(self, verdict: str = "", source: str = "") -> "Ledger":
        """The rows with that verdict and of that tutorial only; empty means any."""
        kept = (c for c in self.claims if verdict in ("", c.verdict) and c.id.startswith(source))
        return Ledger(tuple(kept), self.cells)

    def __str__(self) -> str:
        cells, tests, cited = self.counts()["all"]
        checks = len({check for claim in self.claims for check in self.cells.get(claim.id, ())})
        return f"{len(self.claims)} claims: {cells} tested by {checks} cells, {tests} by tests, {cited} only cited"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = ("", "what is said", "verdict", "a better sentence", "checked by")
        tables = []
        for source in load_sources().values():
            title = f"{source.id}: {source.title} ({source.where}, {source.language})"
            if rows := [self._line(claim) for claim in self.claims if claim.id.startswith(source.id)]:
                tables.append(table(heads, rows, caption=title, left=range(5)))
        return f"<div><p>{self}</p>{''.join(tables)}</div>"

    def _line(self, claim: Claim) -> tuple[str, ...]:
        links = [
            Markup('<a href="{}">{} [{}] {}</a>').format(check.link, check.chapter[:2], check.number, check.cell)
            for check in self.cells.get(claim.id, ())
        ]
        if claim.test:
            links.append(Markup("<code>{}</code>").format(claim.test))
        if claim.source:
            links.append(Markup("cited: {} ({})").format(claim.source, claim.why))
        verdict = Markup("<b>{}</b>").format(claim.verdict)
        return claim.id, claim.claim, verdict, claim.sentence, Markup(", ").join(links) or "no cell found here"
