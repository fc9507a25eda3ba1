"""Chapter 11's pictures: what they draw is what their descriptions say."""

import re
from itertools import pairwise

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from inception_edu.course.pictures import beyond_images as pictures
from inception_edu.course.pictures import loss_curves
from inception_edu.course.records import by_seed, load_record
from inception_edu.course.scales import MOTIFS
from inception_edu.show.palette import VERMILLION


def percent(shares: list[float]) -> int:
    return round(100 * sum(shares) / len(shares))


def test_the_windows_are_around_the_middle_word():
    words = pictures.fields("one two three four five six seven").description
    assert "a sentence of 7 words" in words
    assert words.endswith("centred on “four”.")


def test_only_a_kernel_as_long_as_the_motif_finds_a_faint_one():
    words = pictures.motifs().description
    short_9, short_39, long_9, long_39 = (float(number) for number in re.findall(r"\d\.\d", words))
    assert short_9 == short_39 > 6
    assert long_39 > 4.5 > 3.5 > long_9
    assert "fits its middle is largest elsewhere" in words


def test_a_fitting_kernel_answers_with_the_strength_of_its_motif():
    for motif in (MOTIFS[0], MOTIFS[20]):
        answer = pictures._answers(motif[None], motif)
        assert answer.shape == (1,)
        assert abs(float(answer) - float(motif.norm())) < 1e-4


def test_the_bars_are_the_means_of_the_record():
    record = load_record("11_text")
    words = pictures.text_scores(record).description
    for arm, name in pictures.TEXT_ARMS.items():
        small, large = (percent(by_seed(record, f"{arm}@{size}")) for size in (1000, 3000))
        assert f"{name}, {small} % after 1,000 texts and {large} % after 3,000 texts" in words


def test_the_curves_run_from_the_smallest_size_to_the_largest():
    record = load_record("11_text_curves")
    words = pictures.learning_curves(record, {"words": ("bag", "#0072B2")}).description
    first, last = (percent(by_seed(record, f"words@{size}")) for size in (100, 3000))
    assert f"bag from {first} to {last}." in words


def test_a_length_has_one_colour_and_each_bar_its_mean(monkeypatch):
    monkeypatch.setattr(plt, "close", lambda *_: None)  # the figures stay open for this test to read
    record = load_record("11_series")
    pictures.motifs_found(record)
    axes = plt.gcf().axes
    colours = [*(pictures.LENGTHS[length] for length in (9, 19, 39)), VERMILLION, pictures.LENGTHS[39]]
    for ax, kind in zip(axes, ("small", "large"), strict=True):
        bars = ax.patches
        assert [to_hex(bar.get_facecolor()).upper() for bar in bars] == colours
        assert [bar.get_hatch() for bar in bars] == [None, None, None, None, "//"], "the one that costs more"
        gaps = [lower.get_y() - upper.get_y() for upper, lower in pairwise(bars)]
        assert gaps == pytest.approx([1, 1, 1, 1.5])
        means = [str(percent(by_seed(record, arm, kind))) for arm in pictures.ARMS]
        assert [text.get_text() for text in ax.texts][: len(means)] == means
    monkeypatch.undo()
    plt.close("all")


def test_curves_are_dashed_where_asked(monkeypatch):
    monkeypatch.setattr(plt, "close", lambda *_: None)
    loss_curves(load_record("11_series"), {"mixture": "mixture", "39, wide": "wide"}, dashed=["39, wide"], scale="log")
    means = [line for line in plt.gca().lines if line.get_linewidth() == 2]
    assert [line.get_linestyle() for line in means] == ["-", "--"]
    assert plt.gca().get_yscale() == "log"
    monkeypatch.undo()
    plt.close("all")


def test_a_sentence_narrows_to_one_place_and_must_fit_its_row(monkeypatch):
    monkeypatch.setattr(plt, "close", lambda *_: None)
    words = pictures.reading("one two three four five six seven").description
    assert "7 words and 17 empty places" in words
    assert "these read 9 words, around “four”" in words
    windows = [patch for patch in plt.gca().patches if patch.get_alpha() == 0.7]
    assert [round(each.get_width()) for each in windows] == [9, 5, 1]
    assert {each.get_x() + each.get_width() / 2 for each in windows} == {3.5}, "all around the middle word"
    with pytest.raises(ValueError, match="25 words do not fit a row of 24 places"):
        pictures.reading("word " * 25)
    monkeypatch.undo()
    plt.close("all")
