"""Do kernels of several sizes side by side help with clothes of ten sizes? The cloud of a side road of chapter 02.

    python experiments/mixed_kernels.py          writes assets/records/02_real_scales.json

Three arms that differ in kernels only, at equal MACs within 2 %: 3x3 alone, 5x5 alone, or 1x1, 3x3 and 5x5 side by
side, in the blocks of the challenge network.
"""

from functools import cache, partial
from typing import Any

from challenge_blocks import Images, record, trained

from inception_edu.course.scales import at_many_sizes, mixed
from inception_edu.data.fashion import load_fashion, split_validation

ARMS: dict[str, dict[str, Any]] = {
    "3x3": {"block_1": (32, 3), "block_2": (40, 3), "block_3": (64, 3)},
    "5x5": {"block_1": (15, 5), "block_2": (21, 5), "block_3": (37, 5)},
    "mixed": {f"block_{i}": partial(mixed, channels=c) for i, c in ((1, 28), (2, 36), (3, 56))},
}


@cache
def clothes() -> Images:
    """Each picture at a size and a place that never change."""
    return *split_validation(at_many_sizes(load_fashion("train"), 0)), at_many_sizes(load_fashion("test"), 1)


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training of an arm."""
    return trained(ARMS[arm], clothes(), rate, seed)


if __name__ == "__main__":
    record("02_real_scales", "mixed_kernels", run, ARMS, clothes())
