"""The drawings of chapter 01 show what they say: recorded means, and class maps laid over the pixels they are about."""

import re

import pytest
import torch

import inception_edu as ie
from inception_edu.course import canvas
from inception_edu.course.lesson import load_record
from inception_edu.course.pictures import network_in_network as drawings


def test_a_cell_of_the_last_maps_is_drawn_around_the_pixels_it_depends_on() -> None:
    net = canvas.network().eval()
    image = canvas.lay_out(canvas.GARMENTS).requires_grad_()
    maps = net.features(image)
    assert maps.shape[2:] == (10, 17)
    for row, column in ((4, 8), (5, 9)):  # away from the border, where the field is cut
        (gradient,) = torch.autograd.grad(maps[0, :, row, column].sum(), image, retain_graph=True)
        seen = gradient[0, 0] != 0
        for axis, cell in ((1, row), (0, column)):
            places = seen.any(axis).nonzero()
            middle = (places[0].item() + places[-1].item()) / 2
            # Zero gradients at the rim of the field move the middle by a few pixels, never by a cell.
            assert middle == pytest.approx(drawings.JUMP * cell + drawings.FIRST, abs=drawings.JUMP / 2 - 0.5)


def test_the_evidence_is_named_where_the_map_is_largest() -> None:
    maps = torch.zeros(10, 17)
    maps[2, 8] = 1
    picture = drawings.evidence(canvas.lay_out(canvas.GARMENTS), {"sneaker": maps})
    assert "for sneaker around row 22, column 70" in picture.description


def test_the_accuracies_are_the_means_of_the_record() -> None:
    arms = {"FC": "fully connected", "GAP": "mean"}
    picture = drawings.accuracy_over_shift(load_record("01_head_shifts"), arms, alone="GAP")
    assert "mean, alone" in picture.svg
    assert "fully connected: 85.7, 82.5, 67.1, 42.0, 25.1, 18.4, 15.6, 14.8, 13.5 %" in picture.description
    assert "mean: 84.8, 83.0, 81.6" in picture.description


def test_the_strip_shows_the_maps_that_nin_makes() -> None:
    features = ie.build("nin_cifar10").features
    x, shapes = torch.zeros(1, 3, 32, 32), [(3, 32)]
    for name, layer in features.named_children():
        x = layer(x)
        if name in ("pool_1", "pool_2", "mlpconv_3"):
            shapes.append((x.shape[1], x.shape[2]))
    assert shapes == [(maps, side) for maps, side, *_ in drawings.STRIP]
    assert "192 maps of 8x8, 10 maps of 8x8, and 10 scores" in drawings.nin_strip().description


def test_a_move_by_a_whole_stride_keeps_the_mean_and_half_a_stride_does_not() -> None:
    whole, half, again = re.findall(r"by \d, (\d\.\d{3})", drawings.moved_and_pooled().description)
    assert whole == again != half


def test_every_cell_has_a_weight_for_every_class_in_a_fully_connected_head() -> None:
    assert "144 weights" in drawings.two_heads().description


def test_a_crossing_is_a_row_plus_a_column_minus_a_dot() -> None:
    crossing, row, column, dot = (torch.zeros(3, 3) for _ in drawings.WINDOWS)
    for window, bright in zip((crossing, row, column, dot), drawings.WINDOWS.values(), strict=True):
        for place in bright:
            window[place] = 1
    assert torch.equal(crossing, row + column - dot)
    assert drawings.four_windows().svg.count("fill: #ffffff") == sum(map(len, drawings.WINDOWS.values()))


def test_the_bars_of_parameters_end_at_the_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(drawings, "show", lambda figure, words: drawn.append((figure, words)))
    drawings.parameters({"a": {"large": 2_500_000, "linear": 500_000}, "b": {"large": 1_000_000, "1x1s": 400_000}})
    (figure, words), *_ = drawn
    ax = figure.axes[0]
    assert [(text.get_text(), text.xy[1]) for text in ax.texts] == [("3.0", 0), ("1.4", 1)]
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches if bar.get_width()]
    assert sum(bars, ()) == pytest.approx((0, 2.5, 2.5, 0.5, 0, 1, 1, 0.4))
    assert words == "Millions of parameters: a, large 2.5, linear 0.5; b, large 1.0, 1x1s 0.4."


def test_changes_are_drawn_over_the_pixels_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(drawings, "show", lambda figure, words: drawn.append((figure, words)))
    drawings.changes_over_moves({"ring": [0, 2, 1.5, 2, 0], "border": [0, 2, 2, 2, 0.5]})
    (figure, words), *_ = drawn
    ring, border, *strides = figure.axes[0].lines
    assert list(ring.get_xdata()) == [0, 1, 2, 3, 4]
    assert (list(ring.get_ydata()), list(border.get_ydata())) == ([0, 2, 1.5, 2, 0], [0, 2, 2, 2, 0.5])
    assert [line.get_xdata()[0] for line in strides] == [0, 4]
    assert words.endswith("by 0 to 4 pixels. ring: 0.00, 2.00, 1.50, 2.00, 0.00; border: 0.00, 2.00, 2.00, 2.00, 0.50.")
