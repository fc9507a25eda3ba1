"""What chapter 07 draws as printed differs from the package's blocks only where the chapter says so."""

import re
from collections.abc import Callable, Iterable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import inception_edu as ie
from inception_edu.bricks import ConvUnit
from inception_edu.course.pictures import dots_by_seed
from inception_edu.course.pictures import inception_v4 as drawings
from inception_edu.models.inception_v4 import inception_a
from inception_edu.tracing import Node


@pytest.fixture(scope="module")
def v4() -> Node:
    with torch.device("meta"):
        return ie.trace(ie.build("inception_v4"), (3, 299, 299))


def drawn(stage: drawings.Stage) -> list[list[str]]:
    """The convolutions of each branch as they are drawn; both ends of a fork count."""
    flat = [[each for box in branch for each in ((box,) if isinstance(box, str) else box)] for branch in stage]
    return [[box for box in branch if not box.startswith(("max", "avg"))] for branch in flat]


def built(branches: Iterable[Node]) -> list[list[str]]:
    """The same of branches of the package, in the words of the drawing."""
    units = [[part.module for part in branch.walk() if isinstance(part.module, ConvUnit)] for branch in branches]
    return [[_words(unit) for unit in branch] for branch in units]


def _words(unit: ConvUnit) -> str:
    kernel, conv = unit.conv.kernel_size, unit.conv
    words = f"{kernel[0]}x{kernel[1]} {conv.out_channels}" + " /2" * (conv.stride[0] == 2)
    return words + " V" * (conv.padding == (0, 0) and kernel != (1, 1))


def differences(stage: drawings.Stage, branches: Iterable[Node]) -> list[tuple[str, str]]:
    """(printed, released) for each box that differs."""
    both = zip(drawn(stage), built(branches), strict=True)
    pairs = [pair for printed, released in both for pair in zip(printed, released, strict=True)]
    return [(printed, released) for printed, released in pairs if printed != released]


def test_the_blocks_as_printed(v4: Node) -> None:
    assert not differences(drawings.A, v4["inception_a_1"].children)
    doubled, *order = differences(drawings.B, v4["inception_b_1"].children)
    assert doubled == ("1x7 256", "7x1 256")
    assert order == [
        ("1x7 192", "7x1 192"),
        ("7x1 224", "1x7 224"),
        ("1x7 224", "7x1 224"),
        ("7x1 256", "1x7 256"),
    ]
    assert differences(drawings.C, v4["inception_c_1"].children) == [("1x3 448", "3x1 448"), ("3x1 512", "1x3 512")]


def test_the_branches_as_released(v4: Node) -> None:
    b, c, middle = (list(v4[name].children) for name in ("inception_b_1", "inception_c_1", "mixed_4a"))
    marked = []
    for (printed, released), branch in zip(drawings.RELEASED.values(), (b[1], b[2], c[2], middle[1]), strict=True):
        assert not differences([released], [branch])
        marked.append(len(differences([printed], [branch])))
    assert marked == [1, 4, 2, 2]
    # with a thick edge, in both columns
    assert drawings.printed_and_released().svg.count("stroke-width: 3") == 2 * sum(marked)


def test_what_shrinks_the_grid_as_printed(v4: Node) -> None:
    trunk, first, middle, last = drawings.STEM
    assert drawn(trunk) == [[box for branch in built(v4.children[:3]) for box in branch]]
    assert not differences(first, v4["mixed_3a"].children)
    assert differences(middle, v4["mixed_4a"].children) == [("7x1 64", "1x7 64"), ("1x7 64", "7x1 64")]
    assert differences(last, v4["mixed_5a"].children) == [("3x3 192 V", "3x3 192 /2 V")]
    letters = str.maketrans({letter: str(width) for letter, width in drawings.WIDTHS.items()})
    numbered = [[box.translate(letters) for box in branch] for branch in drawn(drawings.REDUCTION_A)]
    assert numbered == built(v4["reduction_a"].children)
    assert not differences(drawings.REDUCTION_B, v4["reduction_b"].children)


def test_no_single_reading_of_the_kernels_fits_all_figures(v4: Node) -> None:
    def turned(stage: drawings.Stage) -> drawings.Stage:
        return [[re.sub(r"(\d)x(\d)", r"\2x\1", box) for box in branch] for branch in drawn(stage)]

    _, _, middle, _ = drawings.STEM
    assert not differences(turned(middle), v4["mixed_4a"].children)
    assert differences(turned(drawings.B), v4["inception_b_1"].children) == [("7x1 224", "1x7 224")]
    long = turned(drawings.C)[2][:3]
    assert long == built(v4["inception_c_1"].children)[2][:3]
    assert differences(turned(drawings.REDUCTION_B), v4["reduction_b"].children) == [
        ("7x1 256", "1x7 256"),
        ("1x7 320", "7x1 320"),
    ]


def test_equal_blocks_have_one_name() -> None:
    picture = drawings.v3_and_v4()
    assert "Inception V3: 8 different blocks" in picture.svg
    assert "Inception V4: 3 different blocks" in picture.svg
    assert picture.description.count("B 1024 channels on 17x17") == 7
    assert "A 384 channels on 35x35, reduction A 1024 channels on 17x17, B" in picture.description


def _batch_norm_of_pytorch(block: nn.Module) -> None:
    for norm in (part for part in block.modules() if isinstance(part, nn.BatchNorm2d)):
        norm.eps = 1e-5


def _padding_counted(block: nn.Module) -> None:
    for pool in (part for part in block.modules() if isinstance(part, nn.AvgPool2d)):
        pool.count_include_pad = True


@pytest.mark.parametrize("slip", [_batch_norm_of_pytorch, _padding_counted])
def test_only_equal_outputs_find_the_eps_of_a_norm_and_the_padding_of_a_pool(
    slip: Callable[[nn.Module], None], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = inception_a(384)
    slip(wrong)
    ie.agree(wrong, inception_a(384), (384, 9, 9))
    said = capsys.readouterr().out
    assert "317,632 in yours, 317,632 in theirs: equal" in said
    assert "not equal (the largest output" in said


def test_a_bias_too_many_is_found_by_a_count_and_by_equal_outputs() -> None:
    wrong = inception_a(384)
    for unit in [part for part in wrong.modules() if isinstance(part, ConvUnit)]:
        unit.conv.bias = nn.Parameter(torch.zeros(unit.conv.out_channels))
    assert sum(p.numel() for p in wrong.parameters()) > sum(p.numel() for p in inception_a(384).parameters())
    with pytest.raises(ValueError, match="does not fit"):
        ie.agree(wrong, inception_a(384), (384, 9, 9))


def test_no_check_sees_what_dropout_drops(capsys: pytest.CaptureFixture[str]) -> None:
    ie.agree(nn.Sequential(nn.Dropout(0.8), inception_a(384)), inception_a(384), (384, 9, 9))
    assert capsys.readouterr().out.endswith("largest difference 0: equal\n")


def test_times_are_multiples_of_the_first_network_of_the_same_run() -> None:
    runs = [{"one image": {"wide": wide, "deep": deep}} for wide, deep in ((1, 2), (2, 6), (4, 16))]
    said = drawings.relative_times(
        [run | {"100 images": {"wide": 1, "deep": 1}} for run in runs], {"wide": 4, "deep": 4}
    )
    assert "deep, one image: 2.0 to 4.0, median 3.0" in said.description
    assert "deep, 100 images: 1.0 to 1.0, median 1.0" in said.description


def test_the_shares_of_the_test_images_are_in_percent() -> None:
    said = dots_by_seed({"wide": [0.5, 0.75], "deep": [0.25, 0.25]}).description
    assert "wide, 50.0 to 75.0, mean 62.5; deep, 25.0 to 25.0, mean 25.0" in said


def test_routes_are_named_with_both_ends() -> None:
    picture = drawings.routes({"V4": (20, 76)})
    assert "V4 20 to 76" in picture.description
    assert ">20<" in picture.svg
    assert ">76<" in picture.svg


def test_only_settings_with_exactly_the_parameters_are_twins() -> None:
    found = [(1_000_000, 5), (1_000_000, 7), (1_000_001, 5), (2_000_000, 5)]
    picture = drawings.same_width(found, (1_000_000, 7))
    assert "4 settings" in picture.description
    assert "2 have 1,000,000 parameters" in picture.description
    assert picture.svg.count(">the twin<") == picture.svg.count(">V4<") == 1


def test_small_shares_are_named_in_the_legend(v4: Node) -> None:
    picture = drawings.shares(v4)
    assert "stem 1, 19, 39" in picture.description
    assert ">classifier<" in picture.svg


def test_the_pools_corner_is_what_both_kinds_of_average_give() -> None:
    words, ones = drawings.corner().description, torch.ones(1, 1, 3, 3)
    counted, left_out = (
        F.avg_pool2d(ones, 3, 1, 1, count_include_pad=each)[0, 0, 0, 0].item() for each in (True, False)
    )
    assert f"4/9 = {counted:.2f}" in words
    assert f"4/4 = {left_out:g}" in words
