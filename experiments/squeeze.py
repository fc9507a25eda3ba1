"""Does the squeeze of an Inception block hurt? The recorded cloud of chapter 03.

Three versions of the challenge network. "full": each of its blocks is a 3x3. "squeeze": a 1x1 to a quarter of the
channels that arrive, then the 3x3 to the same width as before, as Inception's branches do it. "narrow": plain 3x3
blocks again, with so few channels that the whole network costs as many MACs as the second. Learning rates are chosen
for each arm on 1,000 validation images.

    python experiments/squeeze.py          writes assets/records/03_squeeze.json
"""

from functools import partial
from typing import Any

from challenge_blocks import clothes, costs, record, trained
from torch import nn

from inception_edu.shorthand import Item, branch

WIDTHS = {"block_1": 48, "block_2": 64, "block_3": 96}
NARROW = {"block_1": 21, "block_2": 27, "block_3": 41}


def squeezed(in_channels: int, channels: int, **style: Any) -> nn.Module:
    """A 1x1 to a quarter of the channels, then a 3x3; batch norm and ReLU after both."""
    return branch(in_channels, (in_channels // 4, 1), (channels, 3), **style)


ARMS: dict[str, dict[str, Item]] = {
    "full": {},
    "squeeze": {name: partial(squeezed, channels=channels) for name, channels in WIDTHS.items()},
    "narrow": {name: (channels, 3) for name, channels in NARROW.items()},
}


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training of an arm."""
    return trained(ARMS[arm], clothes(), rate, seed)


def main() -> None:
    """Records all three arms, if the two that should cost the same do."""
    macs = {arm: cost["macs"] for arm, cost in costs(ARMS).items()}
    if abs(macs["narrow"] / macs["squeeze"] - 1) > 0.02:
        raise ValueError(f"narrow costs {macs['narrow']:,} MACs and squeeze {macs['squeeze']:,}: over 2 %")
    network = "challenge network: stem 24, blocks of 48, 64 and 96 channels on grids of 14, 7 and 7; batch norm"
    record("03_squeeze", "squeeze", run, ARMS, clothes(), network=network, narrow=NARROW)


if __name__ == "__main__":
    main()
