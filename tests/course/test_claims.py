"""The claims ledger: complete, with known verdicts, and every check that it promises exists and ran."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from inception_edu.course.claims import VERDICTS, Check, Claim, Ledger, load_claims, load_sources, papers, tagged_cells

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ROOT / "chapters"
CLAIMS = load_claims()
ROW = {"id": "000-01", "claim": "a", "verdict": "true", "sentence": "b", "chapter": "03_one_by_one"}


def ids(*kinds: str) -> list[str]:
    return [claim.id for claim in CLAIMS if any(getattr(claim, kind) for kind in kinds)]


@pytest.fixture(scope="module")
def cells() -> dict[str, tuple[Check, ...]]:
    return tagged_cells(CHAPTERS)


def test_the_ledger_has_all_ninety_rows_in_order() -> None:
    counts = {"000": 34, "001": 27, "002": 15, "003": 14}
    assert [claim.id for claim in CLAIMS] == [f"{s}-{n:02}" for s, count in counts.items() for n in range(1, count + 1)]
    assert list(load_sources()) == list(counts)


def test_every_row_says_something_and_belongs_to_a_chapter() -> None:
    for claim in CLAIMS:
        assert claim.verdict in VERDICTS
        assert len(claim.claim) > 12, claim.id
        assert len(claim.sentence) > 20, claim.id
        assert claim.sentence.endswith("."), claim.id
        assert claim.chapter[:2].isdigit(), claim.id
    assert len({claim.sentence for claim in CLAIMS}) == 90


def test_every_row_belongs_to_a_chapter_that_exists() -> None:
    assert {claim.chapter for claim in CLAIMS} <= {path.stem for path in CHAPTERS.glob("*.ipynb")}


def test_every_paper_that_a_row_names_is_listed() -> None:
    names = set(papers())
    cited = " ".join(claim.sentence + claim.source for claim in CLAIMS)
    assert not [name for name in names if name not in cited]
    assert all(number.startswith("arXiv ") for number in papers().values())


@pytest.mark.parametrize("claim", ids("checked"))
def test_a_checked_row_has_a_cell_and_every_such_cell_ran(claim: str, cells: dict[str, tuple[Check, ...]]) -> None:
    assert claim in cells, f"no code cell of a chapter carries the tag claim:{claim}"
    assert not [check.link for check in cells[claim] if not check.ran]


def test_every_tag_is_a_row_that_says_it_is_checked(cells: dict[str, tuple[Check, ...]]) -> None:
    assert set(cells) <= set(ids("checked"))


def test_every_named_test_exists() -> None:
    for claim in CLAIMS:
        if claim.test:
            path, _, name = claim.test.partition("::")
            assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), claim.test


def test_a_row_that_is_not_tested_cites_a_source_and_says_why() -> None:
    for claim in CLAIMS:
        if not claim.tested:
            assert len(claim.source) > 10, claim.id
            assert len(claim.why) > 10, claim.id


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdict": "wrong", "checked": True}, "said to be 'wrong'"),
        ({}, "one of the three"),
        ({"checked": True, "test": "tests/test_claims.py"}, "one of the three"),
        ({"source": "a paper"}, "must say why"),
        ({"checked": True, "why": "because"}, "needs no why"),
    ],
)
def test_a_row_that_cannot_be_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Claim(**ROW | change)  # type: ignore[arg-type]


def notebook(*cells: dict[str, object]) -> str:
    shape = {"cell_type": "code", "metadata": {"tags": ["claim:000-01"]}, "outputs": [], "execution_count": 1}
    return json.dumps({"cells": [shape | cell for cell in cells]})


def test_cells_are_found_by_their_tags(tmp_path: Path) -> None:
    (tmp_path / "03_b.ipynb").write_text(
        notebook(
            {"id": "ran"},
            {"id": "never", "execution_count": None},
            {"id": "failed", "outputs": [{"output_type": "error"}]},
            {"id": "words", "cell_type": "markdown"},
            {"id": "other", "metadata": {"tags": ["nbval-ignore-output"]}},
            {"id": "none", "metadata": {}},
        )
    )
    (tmp_path / "01_a.ipynb").write_text(notebook({"id": "first"}))
    (tmp_path / ".build_02.ipynb").write_text(notebook({"id": "hidden"}))
    found = tagged_cells(tmp_path)
    assert list(found) == ["000-01"]
    assert [(c.chapter, c.cell, c.ran) for c in found["000-01"]] == [
        ("01_a", "first", True),
        ("03_b", "ran", True),
        ("03_b", "never", False),
        ("03_b", "failed", False),
    ]
    assert found["000-01"][0].link == "01_a.ipynb#cell-id=first"


def test_the_table_holds_every_row_its_links_and_its_counts() -> None:
    claims = (
        Claim(**ROW, checked=True),
        Claim(**ROW | {"id": "002-06", "verdict": "false"}, test="tests/test_x.py::test_y", why="no cell needs it"),
        Claim(**ROW | {"id": "003-14", "claim": "1 < 2"}, source="a paper", why="a matter of words"),
    )
    ledger = Ledger(claims, {"000-01": (Check("03_b", "here", 7), Check("04_c", "there", 12))})
    html = ledger._repr_html_()
    table = ET.fromstring(html)
    assert [link.get("href") for link in table.iter("a")] == ["03_b.ipynb#cell-id=here", "04_c.ipynb#cell-id=there"]
    assert [link.text for link in table.iter("a")] == ["03 [7] here", "04 [12] there"]
    assert "tests/test_x.py::test_y" in html
    assert "cited: a paper (a matter of words)" in html
    assert "1 &lt; 2" in html
    assert ledger.counts() | {"all": (1, 1, 1)} == ledger.counts()
    assert ledger.counts()["true"] == (1, 0, 1)
    assert str(ledger) == "3 claims: 1 tested by 2 cells, 1 by tests, 1 only cited"
    assert [claim.id for claim in ledger.where("false").claims] == ["002-06"]
    assert [claim.id for claim in ledger.where(source="003").claims] == ["003-14"]


def test_the_whole_ledger_is_one_well_formed_table_per_tutorial(cells: dict[str, tuple[Check, ...]]) -> None:
    shown = ET.fromstring(Ledger(CLAIMS, cells)._repr_html_())
    assert len(list(shown.iter("caption"))) == 4
    assert len([row for body in shown.iter("tbody") for row in body.iter("tr")]) == 90
    assert sum(len(checks) for claim, checks in cells.items()) == len(list(shown.iter("a")))
