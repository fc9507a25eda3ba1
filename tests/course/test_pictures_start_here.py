"""Chapter 00's pictures: what they draw is true."""

from statistics import fmean

import pytest

from inception_edu.course.pictures import start_here
from inception_edu.family import FAMILY


def test_a_year_of_the_poster_is_written_under_the_networks_of_that_year(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(start_here, "show", lambda figure, words: drawn.append(figure))
    start_here.poster()
    ax = drawn[0].axes[0]
    years = {name: FAMILY[key].year for key, name in start_here.POSTER.items()}
    years |= {name: year for name, (year, _, _) in start_here.RIVALS.items()}
    places: dict[str, list[float]] = {}
    for text in ax.texts:
        name = " ".join(text.get_text().split("\n")[:-1]).replace("- ", "-")
        places.setdefault(str(years[name]), []).append(text.xy[0])
    written = {label.get_text(): place for label, place in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True)}
    assert written == {year: fmean(each) for year, each in places.items()}
    assert all(max(places[a]) < min(places[b]) for a, b in zip(sorted(places), sorted(places)[1:], strict=False))


def test_the_row_of_garments_names_all_ten_classes() -> None:
    words = start_here.ten_classes().description
    assert words.startswith("A picture of each class of Fashion-MNIST: T-shirt, trouser")
    assert words.count(",") == 9
