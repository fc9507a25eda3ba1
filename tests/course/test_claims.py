"""The claims ledger: complete, with known verdicts, and every check that it promises exists and ran."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from inception_edu.course.claims import (
    NO_CLAIMS,
    VERDICTS,
    Check,
    Claim,
    Ledger,
    load_claims,
    load_sources,
    papers,
    tagged_cells,
)

CHAPTERS = Path(__file__).resolve().parents[2] / "chapters"
NOTEBOOK = CHAPTERS / "deeper" / "90_claims_checked.ipynb"
CLAIMS = load_claims()
ROW = {"id": "000-01", "claim": "a", "verdict": "true", "sentence": "b", "chapter": 3}


@pytest.fixture(scope="module")
def cells() -> dict[str, tuple[Check, ...]]:
    return tagged_cells(NOTEBOOK)


def test_the_ledger_has_all_rows_of_each_tutorial_in_order() -> None:
    counts = {"000": 34, "001": 27, "002": 15, "003": 14}
    assert [claim.id for claim in CLAIMS] == [f"{s}-{n:02}" for s, count in counts.items() for n in range(1, count + 1)]
    assert list(load_sources()) == list(counts)


def test_every_row_says_something_and_belongs_to_a_chapter() -> None:
    chapters = {int(path.name[:2]) for path in CHAPTERS.glob("[0-9]*.ipynb")}
    for claim in CLAIMS:
        assert len(claim.claim) > 12, claim.id
        assert len(claim.sentence) > 20, claim.id
        assert claim.sentence.endswith((".", ".)")), claim.id
        assert claim.chapter in chapters, claim.id
    assert len({claim.sentence for claim in CLAIMS}) == len(CLAIMS)


def test_what_claims_nothing_is_not_counted() -> None:
    """Lines of printed code and remarks were once counted among the claims, and a defect was ruled false."""
    assert {claim.id: claim.verdict for claim in CLAIMS if not claim.counts} == {
        "001-20": "defect",
        "001-21": "defect",
        "001-22": "defect",
        "001-23": "defect",
        "001-27": "remark",
        "002-04": "defect",
        "002-05": "defect",
        "002-06": "defect",
        "003-06": "choice",
        "003-14": "remark",
    }
    assert all(claim.counts != claim.claim.startswith("(Its code:)") for claim in CLAIMS if claim.verdict != "remark")
    assert sum(Ledger(CLAIMS, {}).counts()["all"]) == len(CLAIMS) - 10


@pytest.mark.parametrize("claim", ["000-16", "000-25", "000-33", "001-12", "001-17"])
def test_a_verdict_that_its_own_sentence_contradicted_is_imprecise(claim: str) -> None:
    assert {row.id: row.verdict for row in CLAIMS}[claim] == "imprecise"


def test_every_paper_that_a_row_names_is_listed() -> None:
    names = set(papers())
    cited = " ".join(claim.sentence + claim.source for claim in CLAIMS)
    assert not [name for name in names if name not in cited]
    assert all(number.startswith("arXiv ") for number in papers().values())


@pytest.mark.parametrize("claim", [claim.id for claim in CLAIMS if claim.checked])
def test_a_checked_row_has_a_cell_and_every_such_cell_ran(claim: str, cells: dict[str, tuple[Check, ...]]) -> None:
    assert claim in cells, f"no code cell of {NOTEBOOK.name} carries the tag claim:{claim}"
    assert not [check.link for check in cells[claim] if not check.ran]


def test_every_tag_is_a_row_that_cites_nothing(cells: dict[str, tuple[Check, ...]]) -> None:
    assert set(cells) <= {claim.id for claim in CLAIMS if claim.checked}


def test_the_text_of_the_notebook_names_every_row() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    text = " ".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    assert not [claim.id for claim in CLAIMS if claim.id not in text]


def test_a_row_that_is_not_checked_cites_a_source_and_says_why() -> None:
    for claim in CLAIMS:
        if not claim.checked:
            assert len(claim.source) > 10, claim.id
            assert len(claim.why) > 10, claim.id


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdict": "wrong"}, "said to be 'wrong'"),
        ({"source": "a paper"}, "needs both"),
        ({"why": "because"}, "needs both"),
    ],
)
def test_a_row_that_cannot_be_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Claim(**ROW | change)  # type: ignore[arg-type]


def test_cells_are_found_by_their_tags(tmp_path: Path) -> None:
    shape = {"cell_type": "code", "metadata": {"tags": ["claim:000-01"]}, "outputs": [], "execution_count": 1}
    cells: list[dict[str, object]] = [
        {"id": "ran"},
        {"id": "never", "execution_count": None},
        {"id": "failed", "outputs": [{"output_type": "error"}]},
        {"id": "words", "cell_type": "markdown"},
        {"id": "other", "metadata": {"tags": ["nbval-ignore-output"]}},
        {"id": "none", "metadata": {}},
        {"id": "two", "metadata": {"tags": ["claim:000-01", "claim:003-02"]}},
    ]
    path = tmp_path / "90_a.ipynb"
    path.write_text(json.dumps({"cells": [shape | cell for cell in cells]}))
    two = Check("90_a.ipynb", "two", ran=True)
    assert tagged_cells(path) == {
        "000-01": (
            Check("90_a.ipynb", "ran", ran=True),
            Check("90_a.ipynb", "never", ran=False),
            Check("90_a.ipynb", "failed", ran=False),
            two,
        ),
        "003-02": (two,),
    }
    assert two.link == "90_a.ipynb#cell-id=two"


def test_the_table_holds_every_row_its_links_and_its_counts() -> None:
    claims = (
        Claim(**ROW),
        Claim(**ROW | {"id": "002-06", "verdict": "defect"}),
        Claim(**ROW | {"id": "003-14", "claim": "1 < 2"}, source="a paper", why="a matter of words"),
    )
    ledger = Ledger(claims, {"000-01": (Check("90.ipynb", "here", ran=True), Check("90.ipynb", "there", ran=True))})
    html = ledger._repr_html_()
    table = ET.fromstring(html)
    assert [link.get("href") for link in table.iter("a")] == ["90.ipynb#cell-id=here", "90.ipynb#cell-id=there"]
    assert [link.text for link in table.iter("a")] == ["here", "there"]
    assert "cited: a paper (a matter of words)" in html
    assert "no cell found here" in html
    assert "1 &lt; 2" in html
    assert ledger.counts() == dict.fromkeys(VERDICTS, (0, 0)) | {"true": (1, 1), "all": (1, 1)}
    assert str(ledger) == "2 claims: 1 checked by cells, 1 only cited; 2 cells. Not counted: 1 defect"
    assert str(Ledger(claims[:1], {})) == "1 claims: 1 checked by cells, 0 only cited; 0 cells"


def test_the_whole_ledger_is_one_well_formed_table_per_tutorial(cells: dict[str, tuple[Check, ...]]) -> None:
    shown = ET.fromstring(Ledger(CLAIMS, cells)._repr_html_())
    assert len(list(shown.iter("caption"))) == len(load_sources())
    assert len([row for body in shown.iter("tbody") for row in body.iter("tr")]) == len(CLAIMS)
    assert sum(len(checks) for checks in cells.values()) == len(list(shown.iter("a")))
    assert not set(VERDICTS) & set(NO_CLAIMS)
