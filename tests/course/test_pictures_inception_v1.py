"""What the pictures of chapter 04 show is what was measured, and the chapter's sentences about them hold."""

from statistics import median

import pytest
import torch

from inception_edu.course.lesson import load_record
from inception_edu.course.pictures import inception_v1


def test_the_start_decides_what_arrives_at_either_end() -> None:
    record = load_record("04_first_gradient")
    said = inception_v1.first_gradients(record).description
    assert "He 0.74 at the first layer and 0.32 at the last; PyTorch 0.74 at the first layer and 2.6e-05" in said
    assert "PyTorch, with heads 4.4e-06 at the first layer and 0.00022 at the last; PyTorch 5.2e-08 at" in said
    assert "With heads it is 85 times as large at the first layer, and 2 times at block 4b." in said
    assert "Caffe" not in said

    def typical(arm: str, part: str, what: str = "gradient") -> float:
        return median(record["runs"][f"full/{arm}/{seed}"]["blocks"][part][what] for seed in range(10))

    assert typical("torch", "classifier") / typical("torch", "conv_1") == pytest.approx(4000, rel=0.1)
    assert typical("torch, heads", "conv_1") / typical("torch", "conv_1") == pytest.approx(85, abs=1)
    assert typical("torch, heads", "inception_4b") / typical("torch", "inception_4b") < 2.5  # that of the head on 4d
    for seed in range(10):
        differs = [record["runs"][f"full/{arm}/{seed}"]["blocks"]["classifier"]["differs"] for arm in ("torch", "he")]
        assert differs[0] < 1e-6
        assert differs[1] > 0.9


def test_the_heads_read_4a_and_4d() -> None:
    said = inception_v1.two_heads().description
    assert said.startswith("stages 4 and 5: 480x28x28 to 1000. In order: pool_3")
    assert [part[-2:] for part in said.split(": 4 branches") if "auxiliary head" in said.split(part)[1][:60]] == [
        "4a",
        "4d",
    ]


def test_heads_do_not_start_what_the_start_of_the_weights_does() -> None:
    record = load_record("04_first_steps")
    picture = inception_v1.first_steps(record, 0.03)
    assert "PyTorch, with heads from 2.30 to 2.30, 2 seeds; PyTorch from 2.30 to 2.30, 2 seeds" in picture.description
    assert [f">{name}</text>" in picture.svg for name, _, _ in inception_v1.STARTS.values()] == [True] * 4
    for name, run in record["runs"].items():
        arm, rate, _ = name.split("/")
        if arm.startswith("torch"):
            assert run["losses"][-1] > 2.3
        elif rate != "0.1":
            assert run["losses"][-1] < 0.56
    assert sum(run["losses"][-1] > 2.3 for name, run in record["runs"].items() if "/0.1/" in name) == 4 + 3


def test_the_chosen_thresholds_are_circles_on_their_own_lines() -> None:
    curves = {"exit": [(80.0, 85.0), (90.0, 92.0)], "cascade": [(4.0, 84.0), (50.0, 92.5)]}
    picture = inception_v1.early_exits(curves, 93.0, [(90.0, 92.0), (50.0, 92.5)])
    assert "exit from 85 % right for 80 % of the work, chosen 92.0 % right for 90 %" in picture.description
    assert "cascade from 84 % right for 4 % of the work, chosen 92.5 % right for 50 %" in picture.description
    with pytest.raises(ValueError, match="shorter"):
        inception_v1.early_exits(curves, 93.0, [(90.0, 92.0)])


def test_the_damping_is_that_of_the_map() -> None:
    divisor = torch.ones(4, 4)
    divisor[0] = 2.5
    said = inception_v1.damping(torch.rand(3, 8, 8), divisor).description
    assert "by 2.50 at most, by more than 1.2 at 25 % of the positions" in said


def test_every_row_of_the_printed_table_is_drawn() -> None:
    picture = inception_v1.printed_and_counted({"3a": (-0.3, 0.04), "4c": (-6.9, 0.1)})
    assert "3a -0.3 and +0.0, 4c -6.9 and +0.1" in picture.description
    assert all(f">{name}</text>" in picture.svg for name in ("3a", "4c", "weights", "MACs"))
