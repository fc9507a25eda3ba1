"""How much faster a factorised convolution is than the square one in measured time: a recorded cloud of chapter 06.

    python experiments/factorised_time.py      writes assets/records/06_factorised_time.json

192 channels in, between and out on a 17x17 grid, as in Inception-v3's block 6e. Each of the runs is a fresh process,
because within one process caches and clock speed stay as they happen to be.
"""

import json
import platform
import statistics

import torch

from inception_edu.data.files import write_whole
from tools.recording import RECORDS, in_fresh_processes

RUNS = 11
ONE_RUN = """
import torch
from torch.utils.benchmark import Timer
from inception_edu.bricks import ConvUnit
from inception_edu.shorthand import branch

x = torch.randn(1, 192, 17, 17)
with torch.inference_mode():
    for n in (3, 7):
        ways = ConvUnit(192, 192, n), branch(192, (192, (1, n)), (192, (n, 1)))
        timers = [Timer("way(x)", globals={"way": way.eval(), "x": x}, num_threads=1) for way in ways]
        for timer in timers:
            timer.timeit(10)
        square, pair = (timer.blocked_autorange(min_run_time=0.3).median for timer in timers)
        print(square / pair)
"""


def main():
    """Runs the processes one after the other and records the ratios."""
    columns = zip(*in_fresh_processes(ONE_RUN, RUNS), strict=True)
    ratios = dict(zip(("3", "7"), columns, strict=True))
    record = {
        "script": "experiments/factorised_time.py",
        "machine": f"{platform.machine()}, 2 cores, one thread used, other work running beside it",
        "torch": torch.__version__,
        "MACs ratios": {"3": 3 / 2, "7": 7 / 2},
        "time ratios": ratios,
    }
    write_whole(RECORDS / "06_factorised_time.json", json.dumps(record, indent=1) + "\n")
    for n, found in ratios.items():
        print(f"{n}x{n}: median {statistics.median(found):.2f}, from {min(found):.2f} to {max(found):.2f}")


if __name__ == "__main__":
    main()
