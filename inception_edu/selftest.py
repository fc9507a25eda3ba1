"""`inception-edu selftest`: whether an installation works, in a few seconds: numbers, weights, pictures, explorers."""

from collections.abc import Callable, Iterator
from time import perf_counter


def _the_two_numbers() -> str:
    from .arithmetic import conv_macs

    plain, squeezed = conv_macs(256, 256, 3), conv_macs(256, 64, 1) + conv_macs(64, 64, 3) + conv_macs(64, 256, 1)
    _same((plain, squeezed), (589_824, 69_632))
    return f"a 3x3 costs {plain:,} multiply-adds, its bottleneck {squeezed:,}"


def _the_family() -> str:
    import torch

    from .family import FAMILY, build
    from .tracing import trace

    with torch.device("meta"):
        for name, entry in FAMILY.items():
            node = trace(build(name), entry.image, name=name)
            _same((name, node.params, node.macs), (name, entry.params, entry.macs))
    return f"{len(FAMILY)} networks have the parameters and MACs of their references"


def _a_class_of_ones_own() -> str:
    import torch
    from torch import nn

    from .tracing import trace

    class Mine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.three = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.one(x), self.three(x)], dim=1)

    node = trace(Mine(), (8, 10, 10))
    _same((node.output.shape, node.macs), ((8, 10, 10), 100 * 8 * 4 * (1 + 9)))
    return "a class with its own forward is read"


def _the_trained_network() -> str:
    from .course.canvas import GARMENTS, find, lay_out, network

    found = find(network(), lay_out(GARMENTS))
    _same(sorted(each.name for each in found), sorted(each.name for each in GARMENTS))
    return "the shipped weights and pictures load, and the network finds its five garments"


def _the_explorers() -> str:
    try:
        from .explorers import bottleneck_explorer

        sentence = bottleneck_explorer().sentence
    except ImportError as error:
        return f"no explorers here ({error}): they come with pip install 'inception-edu[course]'"
    _same("589,824 against 69,632" in sentence, True)
    return "explorers answer"


CHECKS = (_the_two_numbers, _the_family, _a_class_of_ones_own, _the_trained_network, _the_explorers)


def _same(here: object, expected: object) -> None:
    if here != expected:
        raise ValueError(f"got {here}, expected {expected}")


def run(checks: tuple[Callable[[], str], ...] = CHECKS) -> Iterator[tuple[bool, str]]:
    """Whether each check went well, and a sentence about it; a check that fails does not stop the others."""
    for check in checks:
        start = perf_counter()
        try:
            good, words = True, check()
        except Exception as error:  # whatever is wrong with an installation, it is reported here
            good, words = False, f"{check.__name__.replace('_', ' ').strip()}: {type(error).__name__}: {error}"
        yield good, f"{words} ({perf_counter() - start:.1f} s)"
