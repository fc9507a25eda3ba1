"""The claims ledger: what four tutorials say, our verdict and a better sentence for each, and the cells that check it.

The rows are in one data file, assets/claims.json. A code cell of chapters/deeper/90_claims_checked.ipynb that carries
the tag `claim:ID` checks the row ID; `tagged_cells` finds those cells, so no list of them is kept anywhere.

>>> ledger = Ledger.read("chapters/deeper/90_claims_checked.ipynb")
>>> ledger  # in a notebook: a table per tutorial, with a link to each cell
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..data.files import asset
from ..show.html import table

VERDICTS = ("true", "imprecise", "false", "unsupported")
"""What a claim can be, kindest first."""
NO_CLAIMS = ("defect", "choice", "remark")
"""What a row is that claims nothing: a fault of printed code, a decision in it, words with nothing to check."""
TAG = "claim:"
"""How the tag of a cell that checks a row begins; the row's id follows."""


@dataclass(frozen=True)
class Source:
    """A tutorial: its number here, its title, where it is and its language."""

    id: str
    title: str
    where: str
    language: str


@dataclass(frozen=True)
class Claim:
    """One row: what is said, in our words, our verdict, a better sentence, and the chapter that explains it.

    A row is checked by cells, or relies on `source` (a citation); then `why` says why no cell checks it.

    Raises ValueError for an unknown verdict, and for a source without a reason or a reason without a source.
    """

    id: str
    chapter: int
    verdict: str
    claim: str
    sentence: str
    source: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS + NO_CLAIMS:
            known = ", ".join(VERDICTS + NO_CLAIMS)
            raise ValueError(f"{self.id} is said to be {self.verdict!r}; a verdict is one of {known}")
        if bool(self.source) != bool(self.why):
            raise ValueError(f"{self.id} needs both a source and the reason why no cell checks it, or neither")

    @property
    def counts(self) -> bool:
        """Whether it claims something."""
        return self.verdict in VERDICTS

    @property
    def checked(self) -> bool:
        """Whether cells check it."""
        return not self.source


@dataclass(frozen=True)
class Check:
    """A code cell that carries a row's tag: the file name of its notebook, and the cell's id.

    `ran` says whether it was executed and ended without an error.
    """

    notebook: str
    cell: str
    ran: bool

    @property
    def link(self) -> str:
        """From the notebook's own folder, with the fragment by which JupyterLab finds a cell."""
        return f"{self.notebook}#cell-id={self.cell}"


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(asset("claims.json").read_text(encoding="utf-8"))
    return data


def load_claims() -> tuple[Claim, ...]:
    """Every row of the ledger, in order."""
    return tuple(Claim(**row) for row in _data()["rows"])


def load_sources() -> dict[str, Source]:
    """Number -> tutorial: the first three digits of a row's id."""
    return {source["id"]: Source(**source) for source in _data()["sources"]}


def papers() -> dict[str, str]:
    """The short name of each paper that the rows cite -> its number on arXiv."""
    return dict(_data()["papers"])


def tagged_cells(notebook: str | Path) -> dict[str, tuple[Check, ...]]:
    """Row id -> the code cells of the notebook that carry its tag, in the order of reading.

    The notebook is read as JSON and nothing is run.
    """
    found: dict[str, list[Check]] = {}
    for cell in json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        failed = any(output["output_type"] == "error" for output in cell["outputs"])
        check = Check(Path(notebook).name, cell["id"], cell["execution_count"] is not None and not failed)
        for tag in cell["metadata"].get("tags", []):
            if tag.startswith(TAG):
                found.setdefault(tag.removeprefix(TAG), []).append(check)
    return {row: tuple(checks) for row, checks in found.items()}


@dataclass(frozen=True)
class Ledger:
    """Rows with the cells that check them: prints as counts, shows as a table per tutorial in a notebook."""

    claims: tuple[Claim, ...]
    cells: Mapping[str, tuple[Check, ...]] = field(repr=False)

    @classmethod
    def read(cls, notebook: str | Path) -> "Ledger":
        """All rows, with the cells of that notebook."""
        return cls(load_claims(), tagged_cells(notebook))

    def counts(self) -> dict[str, tuple[int, int]]:
        """Verdict -> claims that cells check, claims that are only cited; "all" is their sum."""
        kinds = {verdict: [claim for claim in self.claims if claim.verdict == verdict] for verdict in VERDICTS}
        kinds["all"] = [claim for claim in self.claims if claim.counts]
        return {name: (sum(c.checked for c in rows), sum(not c.checked for c in rows)) for name, rows in kinds.items()}

    def __str__(self) -> str:
        checked, cited = self.counts()["all"]
        cells = len({check for claim in self.claims for check in self.cells.get(claim.id, ())})
        rest = Counter(claim.verdict for claim in self.claims if not claim.counts)
        beside = ", ".join(f"{rest[kind]} {kind}{'s' * (rest[kind] > 1)}" for kind in NO_CLAIMS if rest[kind])
        told = f"{checked + cited} claims: {checked} checked by cells, {cited} only cited; {cells} cells"
        return f"{told}. Not counted: {beside}" if beside else told

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = ("", "what is said", "our verdict", "a better sentence", "chapter", "checked by")
        tables = []
        for source in load_sources().values():
            title = f"{source.id}: {source.title} ({source.where}, {source.language})"
            if rows := [self._line(claim) for claim in self.claims if claim.id.startswith(source.id)]:
                tables.append(table(heads, rows, caption=title, left=range(6)))
        return f"<div><p>{self}</p>{''.join(tables)}</div>"

    def _line(self, claim: Claim) -> tuple[str, ...]:
        links = [Markup('<a href="{}">{}</a>').format(check.link, check.cell) for check in self.cells.get(claim.id, ())]
        if claim.source:
            links.append(Markup("cited: {} ({})").format(claim.source, claim.why))
        verdict = Markup("<b>{}</b>").format(claim.verdict)
        checks = Markup(", ").join(links) or "no cell found here"
        number = Markup('<span style="white-space:nowrap">{}</span>').format(claim.id)
        return number, claim.claim, verdict, claim.sentence, f"{claim.chapter:02}", checks
