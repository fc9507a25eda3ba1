"""The report of the final project: complete, self-contained, and written whole."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inception_edu.bricks import Concat
from inception_edu.course.challenge import BUDGET, Logbook, challenge_network
from inception_edu.course.report import Recognised, project_report, recognise
from inception_edu.data.fashion import LabelledImages, load_fashion
from inception_edu.network import InceptionNet
from inception_edu.shorthand import branch
from inception_edu.train.loop import History, accuracy, fit


@pytest.fixture(scope="module")
def data() -> LabelledImages:
    return load_fashion("test")[:200]


@pytest.fixture(scope="module")
def trained(data: LabelledImages) -> tuple[InceptionNet, History]:
    torch.manual_seed(0)
    net = challenge_network(block_1=(8, 3), block_2=(8, 3), block_3=Concat(branch(8, (4, 1)), branch(8, (4, 3))))
    return net, fit(net, data, data, epochs=2, progress=False)


def write(path: Path, trained: tuple[InceptionNet, History], data: LabelledImages, **options: object) -> str:
    options = {"name": "Ada"} | options
    return project_report(path / "report.html", *trained, data, **options).read_text(encoding="utf-8")  # type: ignore[arg-type]


def test_the_confusion_counts_every_image_and_agrees_with_accuracy(
    trained: tuple[InceptionNet, History], data: LabelledImages
) -> None:
    found = recognise(trained[0], data)
    assert [sum(row) for row in found.confusion] == torch.bincount(data.labels, minlength=10).tolist()
    assert found.accuracy == pytest.approx(accuracy(trained[0], data))


def test_the_shares_and_the_commonest_mistake_by_hand() -> None:
    found = Recognised(("cat", "dog", "fox"), ((6, 3, 1), (0, 10, 0), (0, 0, 0)))
    assert found.accuracy == 0.8
    assert found.by_class == {"cat": 0.6, "dog": 1.0, "fox": 0.0}
    assert found.worst == ("cat", "dog", 3)


def test_the_report_holds_everything(
    tmp_path: Path, trained: tuple[InceptionNet, History], data: LabelledImages
) -> None:
    logbook = Logbook(tmp_path / "logbook.json")
    logbook.note("05", "batch norm", trained[0], predicted=81, measured=82.1, keep=True, why="both seeds gained")
    logbook.note("03", "a bottleneck", trained[0], predicted=None, measured=79.2, keep=False, why="lost 2.9 points")
    html = write(tmp_path, trained, data, logbook=logbook, remarks="The grid is small.")
    net, history = trained
    found = recognise(net, data)
    for words in (
        "by Ada",
        BUDGET.verdict(net),
        f"{found.accuracy:.2%} of 200 test images",
        f"training accuracy {history.last.accuracy:.1%}",
        '<td>82.1</td><td style="text-align:left">keep</td><td style="text-align:left">both seeds gained</td>',
        '<td>79.2</td><td style="text-align:left">reject</td><td style="text-align:left">lost 2.9 points</td>',
        "The grid is small.",
        "ankle boot",
    ):
        assert words in html, words
    assert html.count("<svg") == 3  # the network, its one block of branches, the curves
    assert html.count('aria-label="Two line plots') == 1
    assert html.count('<span class="cell"') == 100


def test_the_report_loads_nothing_from_elsewhere_and_runs_nothing(
    tmp_path: Path, trained: tuple[InceptionNet, History], data: LabelledImages
) -> None:
    html = write(tmp_path, trained, data)
    assert "<script" not in html
    assert not re.findall(r"(?:src|href)=[\"'](?!#)|@import|url\((?!#)", html)
    assert set(re.findall(r"https?://[\w./]+", html)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "No change was logged." in html


def test_what_the_reader_writes_is_escaped(
    tmp_path: Path, trained: tuple[InceptionNet, History], data: LabelledImages
) -> None:
    nasty = "<script>alert('x')</script>"
    logbook = Logbook(tmp_path / "logbook.json")
    logbook.note("12", nasty, trained[0], predicted=None, measured=80, keep=True, why=nasty)
    html = write(tmp_path, trained, data, name=nasty, title=nasty, remarks=nasty, logbook=logbook)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 7


def test_a_report_that_cannot_be_made_leaves_the_old_one(
    tmp_path: Path, trained: tuple[InceptionNet, History], data: LabelledImages
) -> None:
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(ValueError, match="needs the name of its author"):
        write(tmp_path, trained, data, name=" ")
    with pytest.raises(ValueError, match="convolution that reads 1 channels gets 3"):
        write(tmp_path, trained, data, budget=replace(BUDGET, image=(3, 28, 28)))
    assert (tmp_path / "report.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
