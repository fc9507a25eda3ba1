"""The refresher's answers, held to what torch does, and its primers to the notebook."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from inception_edu.course.refresher import QUESTIONS, diagnose

NOTEBOOK = Path(__file__).parents[2] / "chapters" / "deeper" / "00_refresher.ipynb"


def seen_by_one_output(*strides: int) -> int:
    x = torch.zeros(1, 1, 40, requires_grad=True)
    y = nn.Sequential(*(nn.Conv1d(1, 1, 3, stride) for stride in strides))(x)
    return int(torch.autograd.grad(y[0, 0, 5], x)[0].count_nonzero())


def test_the_answers_are_what_torch_does():
    image, layer = torch.zeros(1, 1, 112, 112), nn.Conv2d(192, 32, 5, padding=2, bias=False)
    positions = layer(torch.zeros(1, 192, 28, 28)).shape[2:].numel()
    answers = {
        "size": F.max_pool2d(image, 3, 2).shape[2],
        "ceil": F.max_pool2d(image, 3, 2, ceil_mode=True).shape[2],
        "padding": 2,
        "weights": layer.weight.numel(),
        "macs": layer.weight.numel() * positions,
        "field": seen_by_one_output(1, 2, 1),
        "variance": 0.0039,
        "loss": F.cross_entropy(torch.zeros(1, 10), torch.tensor([0])).item(),
    }
    assert list(answers) == list(QUESTIONS)
    diagnosis = diagnose(answers)
    assert set(diagnosis.feedback.values()) == {"right"}
    assert diagnosis.to_read == []
    assert F.conv2d(image, torch.zeros(1, 1, 5, 5), padding=2).shape == image.shape


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("size", 56, "rounded up"),
        ("padding", 4, "both sides"),
        ("weights", 800, "input channels"),
        ("weights", 153_632, "biases"),
        ("macs", 240_844_800, "as two"),
        ("field", 7, "stride of 2"),
        ("variance", 0.0625, "standard deviation"),
        ("loss", 3.32, "bits"),
    ],
)
def test_a_slip_is_named(name: str, wrong: float, words: str):
    assert words in diagnose({name: wrong}).feedback[name]


def test_the_notebook_has_every_primer_asks_every_question_and_shows_no_answer():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    headings = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert not {question.primer for question in QUESTIONS.values()} - set(headings)
    assert not [name for name in QUESTIONS if f'"{name}": None' not in text]
    shown = text + str([cell.get("outputs") for cell in notebook.cells])
    for name in ("weights", "macs"):
        answer = QUESTIONS[name].answer
        assert f"{answer:,}" not in shown
        assert str(answer) not in shown
