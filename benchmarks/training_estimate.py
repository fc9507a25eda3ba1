"""What Inception-v3 on ImageNet would take, on one accelerator and on eight; and how good such an estimate is here.

`python benchmarks/training_estimate.py` writes the section `training` of benchmarks/RESULTS.md. No accelerator was
available. What can be checked is checked on one core: a step of training against a large matrix product, in turns.
"""

from collections.abc import Callable
from statistics import median

import torch
from tabulate import tabulate

from inception_edu.family import FAMILY, build
from inception_edu.running import threads
from inception_edu.train.estimate import EXAMPLE, Estimate, estimate
from inception_edu.train.loop import Objective, train_steps
from inception_edu.train.recipes import RECIPES
from tools.results import in_turns, section, setting

V3 = RECIPES["inception_v3"]
SIDE, BATCH, ROUNDS = 2048, 4, 7


def one_step() -> Callable[[], object]:
    """A step of the recipe on a batch of `BATCH` images of noise."""
    torch.manual_seed(0)
    net = build("inception_v3", aux=True).to(memory_format=torch.channels_last).train()
    objective = Objective(net, aux_weight=V3.aux_weight, label_smoothing=V3.label_smoothing)
    optimizer = V3.make_optimizer(net.parameters())
    batch = torch.randn(BATCH, *FAMILY["inception_v3"].image), torch.arange(BATCH)
    return lambda: list(train_steps(objective, [batch], optimizer, epoch=1, clip_norm=V3.clip_norm))


def product() -> Callable[[], object]:
    """A matrix product of `SIDE`^3 MACs."""
    matrix = torch.randn(SIDE, SIDE)
    return lambda: matrix @ matrix


def column(found: Estimate) -> list[str]:
    """The cells of one table column."""
    return [
        f"{found.steps:,}",
        f"{found.hours:,.0f}",
        f"{found.weight_bytes / 2**30:.1f}",
        f"{found.activation_bytes / 2**30:.1f}",
    ]


def main() -> None:
    """Measures, and writes the section."""
    ways = [(precision, devices) for precision in EXAMPLE for devices in (1, 8)]
    found = {way: estimate("inception_v3", V3, precision=way[0], devices=way[1]) for way in ways}
    heads = ("", *(f"{devices} x A100, {precision}" for precision, devices in ways))
    names = ("steps", "hours", "GiB for weights and optimizer, each", "GiB kept for the backward pass, each")
    rows = [(name, *cells) for name, *cells in zip(names, *map(column, found.values()), strict=True)]
    with threads():
        times = {
            way: median(seen) for way, seen in in_turns({"step": one_step(), "product": product()}, ROUNDS).items()
        }
    one, eight = found["bf16-mixed", 1], found["bf16-mixed", 8]
    images_a_second = eight.steps * V3.batch / eight.hours / 3600
    peak = SIDE**3 / times["product"]
    reached = one.training_macs * BATCH / times["step"] / peak
    text = f"""### What Inception-v3 on ImageNet would take

{setting("python benchmarks/training_estimate.py")}

**An estimate, not a measurement**: no accelerator was available. The paper's recipe, {V3.epochs} epochs of 1,281,167
images in steps of {V3.batch:,}.

{tabulate(rows, heads, "github", disable_numparse=True)}

Line by line (`python -m inception_edu train inception_v3 --estimate --precision bf16-mixed`):

```
{one}
```

Assumed: a step is three forward passes in MACs; the A100 reaches the share of its peak that NVIDIA's own PyTorch
training of ResNet-50 reached, and eight scale as eight did there (the figures and their source: `EXAMPLE` in
`inception_edu/train/estimate.py`).
Inception-v3 has more and smaller layers than ResNet-50, so it may well reach a smaller share.
Reading and decoding must keep up, and {images_a_second:,.0f} images per second are a task in themselves.
Activations are what autograd keeps on the meta device, half as much in bfloat16; the kernels' own memory comes on top.

**Checked on one core**: a step of the same recipe with {BATCH} images took {times["step"]:.2f} s (median of {ROUNDS}),
in turns with a product of two {SIDE} x {SIDE} matrices at {peak / 1e9:.0f} G MACs per second. So the step reached
{reached:.0%} of the product's rate.
"""
    print(text)
    section("training", text)


if __name__ == "__main__":
    main()
