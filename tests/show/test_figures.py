"""Figures: described, the same at every run, and in the page's own colour."""

import re

import matplotlib.pyplot as plt
import pytest

from inception_edu.show.figures import show, style


@pytest.fixture
def figure():
    with plt.rc_context():
        style()
        made, ax = plt.subplots()
        ax.plot([0, 1], [1, 0])
        ax.set(xlabel="middle channels", ylabel="MACs")
        yield made


def test_a_figure_is_inline_svg_with_its_description(figure):
    picture = show(figure, 'It falls from "one" to zero & stops.')
    html = picture._repr_html_()
    assert html.startswith('<svg role="img" aria-label="It falls from &quot;one&quot; to zero &amp; stops."')
    assert "currentColor" in html
    assert "middle channels" in html
    assert repr(picture) == '[Figure: It falls from "one" to zero & stops.]'
    assert not plt.fignum_exists(figure.number)


def test_equal_figures_give_equal_svg():
    def once():
        with plt.rc_context():
            style()
            made, ax = plt.subplots()
            ax.plot([0, 1], [1, 0], "o-")
            return show(made, "A line.").svg

    assert once() == once()


def test_a_figure_without_a_description_is_refused(figure):
    with pytest.raises(ValueError, match="needs a description"):
        show(figure, " ")


def test_the_last_digits_of_a_measurement_do_not_move_a_figure_and_its_words_are_kept():
    def drawn(value):
        with plt.rc_context():
            style()
            made, ax = plt.subplots()
            ax.plot([0, 1, 2], [0.2, value, 1], "o-")
            ax.set(xlabel="0.123456", title="1e-05 and -0.000123")
            ax.set_ylim(0, 1)
            return show(made, "A line.").svg

    svg = drawn(0.300000001)
    assert svg == drawn(0.3)
    assert svg != drawn(0.31)
    assert ">0.123456<" in svg
    assert ">1e-05 and -0.000123<" in svg
    assert not re.findall(r'\sd="[^"]*\d\.\d{3}', svg)
