"""Chapter 11's pictures: what they draw is what their descriptions say."""

import re
from itertools import pairwise

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from inception_edu.course.pictures import beyond_images as pictures
from inception_edu.course.records import by_seed, load_record
from inception_edu.course.scales import MOTIFS
from inception_edu.show.palette import VERMILLION
from inception_edu.train.loop import Epoch, History


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


def test_a_length_has_one_colour_in_bars_and_curves(monkeypatch):
    monkeypatch.setattr(plt, "close", lambda *_: None)  # the figures stay open for this test to read
    record, arms = load_record("11_series"), {arm: arm for arm in ("mixture", "39", "9", "39, wide", "19")}
    expected = [VERMILLION, *(pictures.LENGTHS[length] for length in (39, 9, 39, 19))]
    pictures.motifs_found(record, arms)
    bars = plt.gcf().axes[0].patches
    assert [to_hex(bar.get_facecolor()).upper() for bar in bars] == expected
    assert [bar.get_hatch() for bar in bars] == [None, None, None, "//", None]
    gaps = [lower.get_y() - upper.get_y() for upper, lower in pairwise(bars)]
    assert gaps == pytest.approx([1, 1, 1.5, 1])
    pictures.motif_losses(record, arms)
    means = [line for line in plt.gcf().axes[0].lines if line.get_linewidth() == 2]
    assert [line.get_color() for line in means] == expected
    assert [line.get_linestyle() for line in means] == ["-", "-", "-", "--", "-"], "the one that costs more"
    assert plt.gca().get_yscale() == "log"
    monkeypatch.undo()
    plt.close("all")


def history(*shares):
    """A history whose passes had these accuracies on training and on test texts."""
    return History(tuple(Epoch(n, 1.0, a, None, b, 0.1, 1.0, 1.0) for n, (a, b) in enumerate(shares, 1)))


def test_memory_is_told_by_the_last_pass():
    words = pictures.memorised(history((0.5, 0.4), (1.0, 0.67)), history((0.3, 0.3), (0.98, 0.56))).description
    assert words.endswith(
        "bag, training texts, 100 %; bag, test texts, 67 %; network, training texts, 98 %; network, test texts, 56 %."
    )
    with pytest.raises(ValueError, match="the history of the network has no accuracy on test texts"):
        pictures.memorised(history((0.5, 0.4)), history((0.5, None)))
