"""The eight questions of the refresher, with their answers and what the likely slips equal."""

import math
from collections.abc import Mapping

from ..arithmetic import conv_macs, conv_params, out_size, receptive_field, same_padding
from .quiz import Diagnosis, Question


def _questions() -> dict[str, Question]:
    down, up = out_size(112, 3, 2), out_size(112, 3, 2, ceil_mode=True)
    at_one, positions = conv_macs(192, 32, 5), 28 * 28
    field, jump = 1, 1
    for stride in (1, 2, 1):
        field, jump = receptive_field(field, jump, 3, stride)
    fan_in = 256
    return {
        "size": Question(
            "A 112x112 map goes through a 3x3 window with stride 2 and no padding. How high is the output?",
            down,
            {up: "is rounded up", 110: "leaves out the stride", 54: "is one position short"},
            "Output size",
        ),
        "ceil": Question("The same, in a framework that rounds up?", up, {down: "is rounded down"}, "Output size"),
        "padding": Question(
            "How many pixels of padding on each side keep the size under a 5x5 window with stride 1?",
            same_padding(5),
            {2 * same_padding(5): "is for both sides together"},
            "Output size",
        ),
        "weights": Question(
            "How many weights does a 5x5 convolution from 192 channels to 32 have, without biases?",
            at_one,
            {
                25 * 32: "leaves out the input channels",
                25 * 192: "leaves out the output channels",
                conv_params(192, 32, 5, bias=True): "counts the biases",
            },
            "MACs",
        ),
        "macs": Question(
            "How many multiply-adds does it take on a 28x28 map, padded to keep its size?",
            at_one * positions,
            {
                at_one: "is the cost of one position",
                2 * at_one * positions: "counts each multiply-add as two",
                at_one * 24 * 24: "forgets the padding and counts 24x24 positions",
            },
            "MACs",
        ),
        "field": Question(
            "Windows of 3x3 with stride 1, 3x3 with stride 2 and 3x3 with stride 1 in a row: "
            "how many input pixels high is what one output sees?",
            field,
            {7: "forgets that after a stride of 2 the next window's steps are two pixels", 27: "multiplies"},
            "Receptive field",
        ),
        "variance": Question(
            "A neuron sums 256 inputs of mean square 1, each times a weight of mean 0. "
            "Which variance of the weights gives the sum a variance of 1?",
            1 / fan_in,
            {
                1 / math.sqrt(fan_in): "is their standard deviation",
                2 / fan_in: "is for a layer whose inputs have passed a ReLU",
                1: "makes the variance of the sum 256",
            },
            "Initialisation",
            0.01,
        ),
        "loss": Question(
            "Ten classes, and a network that gives each the same probability. "
            "What is its cross-entropy, in nats (natural logarithm)?",
            math.log(10),
            {math.log2(10): "is in bits", 0.1: "is the probability", 1.0: "is in powers of ten"},
            "Entropy",
            0.01,
        ),
    }


QUESTIONS = _questions()
"""Name -> question. Each `primer` is a heading of chapters/deeper/00_refresher."""


def diagnose(answers: Mapping[str, float | None]) -> Diagnosis:
    """What each answer says about its reader, and which primers help; raises ValueError for an unknown question."""
    return Diagnosis(QUESTIONS, answers)
