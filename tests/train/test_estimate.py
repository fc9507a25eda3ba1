# mypy: untyped-calls-exclude=torch
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from inception_edu.family import build
from inception_edu.train.estimate import estimate, kept_bytes
from inception_edu.train.recipes import RECIPES

SMALL: dict[str, Any] = {"small": True, "width": 0.25, "aux": True}
V3 = RECIPES["inception_v3"]


def small(device: str) -> Any:
    torch.manual_seed(0)
    with torch.device(device):
        return build("inception_v3", **SMALL)


def test_what_is_kept_for_the_backward_pass_is_what_autograd_keeps() -> None:
    """Once without computing anything, once for real; twice the area keeps about four times as much."""
    counted = kept_bytes(small("meta"), (3, 64, 64))
    assert counted == kept_bytes(small("cpu"), (3, 64, 64))
    assert 3 < counted / kept_bytes(small("meta"), (3, 32, 32)) < 5


def test_a_step_of_training_is_about_three_forward_passes() -> None:
    found = estimate("inception_v3", V3, SMALL, size=64)
    net = small("meta")
    with FlopCounterMode(display=False) as counter:
        logits, aux = net.forward_with_aux(torch.empty(2, 3, 64, 64, device="meta"))
        (logits.sum() + sum(head.sum() for head in aux.values())).backward()
    assert counter.get_total_flops() / 2 / 2 == pytest.approx(found.training_macs, rel=0.02)
    assert found.training_macs == 3 * found.forward_macs
    assert found.params == sum(parameter.numel() for parameter in net.parameters())


def test_the_arithmetic_of_an_estimate() -> None:
    given: dict[str, Any] = {"size": 64, "images": 16_000, "tflops": 100.0, "utilisation": 0.5}
    one = estimate("inception_v3", V3, SMALL, **given)
    assert one.steps == 100 * 10
    assert one.hours == pytest.approx(one.steps * 1600 * one.training_macs * 2 / 50e12 / 3600)
    assert one.weight_bytes == 4 * 5 * one.params  # weights, gradients, two of RMSProp with momentum, the average
    eight = estimate("inception_v3", V3, SMALL, **given, devices=4, nodes=2, scaling=0.5, precision="bf16-mixed")
    assert eight.hours == pytest.approx(one.hours / 4)
    assert eight.activation_bytes == pytest.approx(one.activation_bytes / 16, rel=1e-6)
    assert f"{one.steps:,}" in str(one)
    assert "2 operations per MAC, utilisation 50%" in str(one)


@pytest.mark.parametrize(
    "wrong", [{"images": 0}, {"devices": 0}, {"tflops": 0.0}, {"utilisation": 19.0}, {"scaling": 0.0, "devices": 2}]
)
def test_estimates_of_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"all must be above 0|must be shares"):
        estimate("inception_v3", V3, SMALL, size=64, **wrong)
