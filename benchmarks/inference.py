"""Inference in turns: our networks plain and fused, torchvision's and timm's, torch's compiler and onnxruntime.

    pip install -c constraints.txt -r benchmarks/requirements-inference.txt
    python benchmarks/inference.py [--batch 1 8] [--rounds 15] [--threads 1] [--markdown]

`--markdown` keeps the tables as a section of benchmarks/RESULTS.md. All ways to compute a network get the same weights
and images, and must give the same logits. The limit is the time that the MACs would take at the speed of a large matrix
product; no float32 kernel of this processor can be faster. torch.compile needs a C++ compiler, and one to two minutes
per network and batch.

The last table is what bfloat16 costs in accuracy: chapter 04's trained network on 10,000 real test images.
"""

import argparse
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from statistics import median

import onnxruntime
import torch
from torch import Tensor, nn
from tqdm import tqdm

import inception_edu as ie
from inception_edu.data.fashion import load_fashion
from inception_edu.data.files import asset
from inception_edu.running import predict
from inception_edu.train.loop import load
from tools.peers import PEERS, prepare_torchvision, randomised
from tools.results import in_turns, publish, setting, table

NAMES = (
    "torchvision googlenet",
    "torchvision inception_v3",
    "timm inception_v4",
    "timm inception_resnet_v2",
)
WAYS = {
    "peer": "peer",
    "channels-last": "peer, channels last",
    "compiled": "peer, compiled",
    "plain": "ours",
    "fused": "ours, fused",
    "bfloat16": "fused, bfloat16",
    "onnxruntime": "fused, onnxruntime",
    "limit": "limit",
}
"""Way -> head of the column."""
PRODUCT = 1024


def networks(name: str) -> tuple[nn.Module, nn.Module, tuple[int, int, int]]:
    """The peer, ours with its weights, and the shape of an image."""
    peer = next(peer for peer in PEERS if peer.name == name)
    theirs = randomised(peer).float().eval()
    ours = ie.build(peer.ours, **peer.options).eval()
    ie.load_checkpoint(ours, theirs.state_dict(), peer.source)
    return theirs, ours, (3, peer.image, peer.image)


def in_onnxruntime(net: nn.Module, images: Tensor, threads: int) -> Callable[[], Tensor]:
    """`net`, exported to ONNX for images of this shape, as a call that computes their logits in onnxruntime."""
    program = torch.onnx.export(net, (images,), dynamo=True, verbose=False)
    assert program is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    model = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: images.numpy()}
    return lambda: torch.from_numpy(session.run(None, inputs)[0])


def measure(name: str, batch: int, threads: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, a number per round, all in turns; the limit of a round from the matrix product in it."""
    theirs, ours, shape = networks(name)
    images = torch.randn(batch, *shape, generator=torch.Generator().manual_seed(0))
    last = torch.channels_last
    ways: dict[str, Callable[[], Tensor]] = {
        "peer": partial(theirs, images),
        "channels-last": partial(deepcopy(theirs).to(memory_format=last), images.contiguous(memory_format=last)),
        "compiled": partial(torch.compile(deepcopy(theirs), dynamic=False), images),
        "plain": partial(ours, images),
        "fused": partial(ie.fuse(ours), images),
        "bfloat16": partial(ie.fuse(ours, dtype=torch.bfloat16), images),
        "onnxruntime": in_onnxruntime(ie.fuse(ours), images, threads),
    }
    exact = ways["peer"]()
    for way, compute in ways.items():
        gap = ((compute() - exact).abs().max() / exact.abs().max()).item()
        assert gap < (0.05 if way == "bfloat16" else 1e-4), f"{name}, {way}: logits differ by {gap:.0e} of the largest"
    square = torch.randn(PRODUCT, PRODUCT)
    times = in_turns({**ways, "limit": partial(torch.matmul, square, square)}, rounds)
    share = batch * ie.trace(ours, shape).macs / PRODUCT**3
    times["limit"] = [share * seconds for seconds in times["limit"]]
    return times


def rounding() -> dict[str, float]:
    """Chapter 04's trained network, fused: its accuracy in both types, and how many answers bfloat16 changes."""
    test, net = load_fashion("test"), load(asset("checkpoints/small_googlenet.safetensors"))
    answers = {way: predict(ie.fuse(net, dtype), test.images).argmax(1) for way, dtype in DTYPES.items()}
    accuracies = {way: (given == test.labels).double().mean().item() for way, given in answers.items()}
    return {**accuracies, "changed answers": int((answers["float32"] != answers["bfloat16"]).sum())}


DTYPES = {"float32": None, "bfloat16": torch.bfloat16}


def main() -> None:
    """Prints milliseconds, then how many times as fast as the peer, then what bfloat16 changes."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--markdown", action="store_true", help="keep the tables in benchmarks/RESULTS.md")
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    prepare_torchvision()
    milliseconds, ratios = [], []
    with torch.no_grad():
        for batch in chosen.batch:
            found: dict[str, dict[str, float]] = {}
            paired: dict[str, dict[str, float]] = {}
            for name in tqdm(NAMES, desc=f"batch {batch}", unit="network"):
                times = measure(name, batch, chosen.threads, chosen.rounds)
                found[name] = {way: 1000 * median(times[way]) for way in WAYS}
                pairs = {way: zip(times["peer"], times[way], strict=True) for way in WAYS}
                paired[name] = {way: median(peer / other for peer, other in pairs[way]) for way in WAYS}
                milliseconds.append([name, str(batch), *(f"{ms:.1f}" for ms in found[name].values())])
                ratios.append([name, str(batch), *(f"{ratio:.2f}" for ratio in paired[name].values())])
        accuracy = rounding()
    heads = ["", "batch", *WAYS.values()]
    publish(
        "inference",
        setting("python benchmarks/inference.py --markdown", "torchvision", "timm", "onnxruntime"),
        f"**Milliseconds**, medians of {chosen.rounds} rounds in turns, {chosen.threads} thread(s). The limit is what "
        "the MACs alone would take at the speed of a large matrix product in float32.",
        table(heads, milliseconds),
        "**How many times as fast as the peer**, in the same round, medians.",
        table(heads, ratios),
        "**What bfloat16 changes**: chapter 04's trained network on the 10,000 test images of Fashion-MNIST is right "
        f"on {accuracy['float32']:.2%} of them in float32 and on {accuracy['bfloat16']:.2%} in bfloat16; "
        f"{accuracy['changed answers']} answers change.",
        keep=chosen.markdown,
    )


if __name__ == "__main__":
    main()
