"""The helper that writes the sections of benchmarks/RESULTS.md."""

from functools import partial
from pathlib import Path

import pytest

from tools import results
from tools.results import in_turns, publish, section, setting, table


def test_sections_are_put_at_the_end_and_then_only_replaced(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    section("first", "| a |\n", file)
    section("second", "| b |", file)
    assert file.read_text() == "<!-- first -->\n| a |\n<!-- /first -->\n\n<!-- second -->\n| b |\n<!-- /second -->\n"
    file.write_text("# Results\n\n" + file.read_text().replace("<!-- second", "Words.\n\n<!-- second") + "\nThe end.\n")
    section("first", "| longer |\n| c |", file)
    expected = "# Results\n\n<!-- first -->\n| longer |\n| c |\n<!-- /first -->\n\nWords.\n\n"
    assert file.read_text() == expected + "<!-- second -->\n| b |\n<!-- /second -->\n\nThe end.\n"


@pytest.mark.parametrize(
    "held",
    [
        "<!-- a -->",
        "<!-- /a -->",
        "<!-- /a -->\n<!-- a -->",
        "<!-- a -->\n<!-- a -->\n<!-- /a -->",
        "<!-- a -->\n<!-- /a -->\n<!-- /a -->",
        "<!-- /a -->\n<!-- a -->\n<!-- /a -->",
    ],
)
def test_markers_that_do_not_pair_are_refused_and_the_file_is_left(tmp_path: Path, held: str) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text(held)
    with pytest.raises(ValueError, match=r"RESULTS.md does not hold <!-- a --> and then <!-- /a --> once each"):
        section("a", "new", file)
    assert file.read_text() == held


def test_a_section_cannot_hold_its_own_marker_nor_a_name_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    with pytest.raises(ValueError, match="a marker of its own section 'a'"):
        section("a", "x <!-- /a --> y", file)
    with pytest.raises(ValueError, match="'a --> b' is not"):
        section("a --> b", "new", file)
    assert not file.exists()


def test_the_setting_names_the_command_and_the_versions() -> None:
    line = setting("python benchmarks/x.py", "pytest")
    assert line.startswith("`python benchmarks/x.py` on ")
    assert f"pytest {pytest.__version__}." in line


def test_ways_take_turns_and_the_warm_up_is_not_kept() -> None:
    calls: list[str] = []
    times = in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2, warm_up=1)
    assert calls == ["a", "b"] * 3
    assert {way: len(each) for way, each in times.items()} == {"a": 2, "b": 2}


def test_a_way_is_timed_by_the_clock_that_is_given() -> None:
    hands = iter(range(100))
    assert in_turns({"a": lambda: next(hands)}, rounds=2, clock=lambda: next(hands) / 2) == {"a": [1.0, 1.0]}


def test_what_is_published_is_printed_and_kept_only_when_asked_for(tmp_path: Path, monkeypatch, capsys) -> None:
    file = tmp_path / "RESULTS.md"
    monkeypatch.setattr(results, "section", partial(section, path=file))
    publish("a", "one", "two", keep=False)
    assert not file.exists()
    publish("a", "one", "two", keep=True)
    assert file.read_text() == "<!-- a -->\none\n\ntwo\n<!-- /a -->\n"
    assert capsys.readouterr().out == "one\n\ntwo\n" * 2


def test_in_a_table_words_stand_left_and_numbers_right() -> None:
    text = table(["a", "b", "c"], [["word", "1", "w"], ["w", "12345", "word"]], words=(0, 2))
    assert text.splitlines()[2:] == ["| word |     1 | w    |", "| w    | 12345 | word |"]
