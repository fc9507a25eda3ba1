"""`trace` on other libraries' networks: is it exact, how long does it take, and which parts did no rule cover?

    python benchmarks/foreign.py [--rounds 5] [--markdown] [names ...]

A network of torchvision or timm, unchanged, with weights on the meta device and in evaluation mode. Exact means that
parameters are those of `parameters()`, and MACs with products those of torch's FlopCounterMode, halved. Times are one
thread's own on the processor: the first `trace` of a network, the next ones, and one bare forward pass without values.
`--markdown` keeps the table as a section of benchmarks/RESULTS.md.
"""

import argparse
import warnings
from collections import Counter
from importlib import import_module
from statistics import median
from time import thread_time

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

import inception_edu as ie
from tools.peers import prepare_torchvision
from tools.results import in_turns, publish, setting, table

NETWORKS = {
    "torchvision": [
        *("resnet50", "googlenet", "inception_v3", "mobilenet_v2", "efficientnet_b0", "shufflenet_v2_x1_0"),
        *("densenet121", "convnext_tiny", "regnet_y_800mf", "vit_b_16", "swin_t", "maxvit_t"),
    ],
    "timm": [
        *("resnet26d", "res2next50", "dpn68", "dla34", "ese_vovnet19b_dw", "repvgg_a0", "convmixer_768_32"),
        *("mixer_s32_224", "poolformer_s12", "inception_next_tiny", "xcit_nano_12_p16_224", "cait_xxs24_224"),
        *("mobilevitv2_050", "edgenext_xx_small", "selecsls42b", "skresnet18", "levit_128s"),
    ],
}
SHAPE = (3, 224, 224)


def build(library: str, name: str) -> nn.Module:
    """A network on the meta device, in evaluation mode."""
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    make = import_module("timm").create_model if library == "timm" else import_module("torchvision").models.get_model
    with torch.device("cpu" if name.startswith("regnet") else "meta"):  # a RegNet computes its plan with values
        return make(name, **options).eval().to("meta")


def bare(net: nn.Module) -> Tensor:
    """One forward pass without values."""
    with torch.no_grad(), torch.device("meta"):
        return net(torch.empty(1, *SHAPE))


def row(library: str, name: str, rounds: int) -> list[str]:
    """One line of the table."""
    net = build(library, name).requires_grad_(False)
    start = thread_time()
    node = ie.trace(net, SHAPE)
    first = thread_time() - start
    with FlopCounterMode(display=False) as counter:
        bare(net)
    counted = counter.get_total_flops() // 2, sum(p.numel() for p in net.parameters())
    exact = (node.macs + node.products, node.params) == counted
    found = in_turns({"trace": lambda: ie.trace(net, SHAPE), "bare": lambda: bare(net)}, rounds, clock=thread_time)
    again, once = median(found["trace"]), median(found["bare"])
    kinds = Counter(part.rpartition("(")[2].rstrip(")") for part in node.unread())
    unread = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "nothing"
    field = "x".join(map(str, node.output.field)) if node.output.field else "unknown"
    times = [f"{1000 * first:.0f}", f"{1000 * again:.0f}", f"{1000 * once:.0f}", f"{again / once:.1f}"]
    cost = [f"{node.macs:,}", f"{node.products:,}", "exact" if exact else "**wrong**"]
    return [f"{name} ({library})", *cost, *times, field, unread]


def main() -> None:
    """Prints the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("names", nargs="*", help="some of the networks only")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--markdown", action="store_true", help="keep the table in benchmarks/RESULTS.md")
    chosen = arguments.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    prepare_torchvision()
    every = [(library, name) for library, names in NETWORKS.items() for name in names]
    some = [pair for pair in every if not chosen.names or pair[1] in chosen.names]
    bare(build(*some[0]))  # what torch imports at first use is not counted
    rows = [row(library, name, chosen.rounds) for library, name in tqdm(some, unit="network")]
    heads = ["network", "MACs", "products", "count", "first, ms", "next, ms", "bare pass, ms", "ratio"]
    publish(
        "foreign",
        setting("python benchmarks/foreign.py --markdown", "torchvision", "timm"),
        f"**Other libraries' networks** on {' x '.join(map(str, SHAPE))}, medians of {chosen.rounds} rounds in turns. "
        "A part that no rule covers is counted by running it, and its receptive field is unknown. A `Function` is a "
        "torch call between layers, such as a permutation; anything else is one of the library's own modules.",
        table([*heads, "receptive field", "counted as a whole"], rows, words=(0, 3, 8, 9)),
        keep=chosen.markdown,
    )


if __name__ == "__main__":
    main()
