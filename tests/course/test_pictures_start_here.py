"""Chapter 00's pictures: what they draw is true."""

import re

import pytest

from inception_edu.course import pictures
from inception_edu.course.choices import choices
from inception_edu.course.pictures import start_here
from inception_edu.family import FAMILY


def test_the_poster_names_each_network_with_its_year_its_weights_and_its_accuracy_at_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []
    monkeypatch.setattr(start_here, "show", lambda figure, words: drawn.append((figure, words)))
    start_here.poster()
    (figure, words), known = drawn[0], {each.title: each for each in choices()}
    (ax,) = figure.axes
    assert len(ax.texts) == 10
    for text in ax.texts:
        name, year, millions, percent = re.fullmatch(r"(.*), (\d{4})\n(\d+) M, ([\d.]+) %", text.get_text()).groups()
        macs, top1 = text.xy
        if name not in start_here.RIVALS:
            network = known[name.replace(start_here.NIN, "Network in Network")]
            assert (macs, top1) == (network.macs / 1e9, network.top1)
            assert (int(year), int(millions)) == (FAMILY[network.name].year, round(network.params / 1e6))
        assert float(percent) == round(top1, 1)
        assert f"{name} ({year}): {millions} M, {macs:.1f} G, {percent} %" in words


def test_the_mean_of_the_losses_is_in_their_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(start_here, "show", lambda figure, words: drawn.append((figure, words)))
    start_here.loss_by_step([float(loss) for loss in range(100, 0, -1)], window=5)
    (figure, words), *_ = drawn
    level, dots, mean = figure.axes[0].lines
    assert level.get_ydata() == pytest.approx([2.302585] * 2)
    assert list(mean.get_ydata()[2:-2]) == list(dots.get_ydata()[2:-2])  # of a straight line, the line itself
    assert words == "The loss over 100 steps, from 100.00 down to about 2.00; 10 equal probabilities have 2.30."


def test_each_seed_has_its_accuracy_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(start_here, "show", lambda figure, words: drawn.append((figure, words)))
    start_here.accuracy_by_seed([74.8, 75.74, 71.0])
    (figure, words), *_ = drawn
    (ax,) = figure.axes
    assert [tuple(point) for point in ax.lines[0].get_xydata()] == [(74.8, 0), (75.74, 1), (71.0, 2)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["seed 0", "seed 1", "seed 2"]
    assert [text.get_text() for text in ax.texts] == ["74.8", "75.7", "71.0"]
    assert words.endswith("seed 0 74.8, seed 1 75.7, seed 2 71.0.")


def test_the_first_block_is_that_of_the_network_on_the_canvas() -> None:
    words = start_here.first_block().description
    assert words.startswith("inception_3a: 48x14x14 to 64x14x14. Four branches, concatenated: 1x1 conv to 16 (7.5 % of")


def test_the_row_of_garments_names_all_ten_classes() -> None:
    words = start_here.ten_classes().description
    assert words.startswith("A picture of each class of Fashion-MNIST: T-shirt, trouser")
    assert words.count(",") == 9


def test_each_difference_is_a_dot_and_the_first_three_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(pictures, "show", lambda figure, words: drawn.append((figure, words)))
    first, second = [0.5, 0.5, 0.5, 0.5, 0.5], [0.51, 0.49, 0.52, 0.54, 0.45]
    pictures.differences_by_seed({"b minus a": (first, second)})
    (figure, words), *_ = drawn
    dots = {line.get_label(): list(line.get_xdata()) for line in figure.axes[0].lines}
    assert dots["the first 3 seeds"] == pytest.approx([1, -1, 2])
    assert dots["the other seeds"] == pytest.approx([4, -5])
    assert "dots from -5.00 to +4.00; 3 seeds -3.13 to +4.46, 5 seeds" in words


def test_the_winners_lead_is_drawn_over_the_number_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(start_here, "show", lambda figure, words: drawn.append((figure, words)))
    start_here.luck({1000: {2: 0.6, 20: 1.9}, 10_000: {2: 0.2, 20: 0.6}})
    (figure, words), *_ = drawn
    few, many = figure.axes[0].lines
    assert [tuple(point) for point in few.get_xydata()] == [(2, 0.6), (20, 1.9)]
    assert [tuple(point) for point in many.get_xydata()] == [(2, 0.2), (20, 0.6)]
    assert words.endswith("on 1,000 images 0.6 of 2, 1.9 of 20; on 10,000 images 0.2 of 2, 0.6 of 20.")
