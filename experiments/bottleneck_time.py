"""How much faster the bottleneck is than the plain layer in measured processor time: the recorded cloud of chapter 03.

    python experiments/bottleneck_time.py          writes assets/records/03_bottleneck_time.json

Each of the runs is a fresh process, because within one process caches and clock speed stay as they happen to be.
"""

import json
import platform
import statistics

import torch

from inception_edu.data.files import write_whole
from tools.recording import RECORDS, in_fresh_processes

RUNS = 15
ONE_RUN = """
import time
import torch
from torch.utils.benchmark import Timer
from inception_edu.bricks import ConvUnit
from inception_edu.shorthand import branch

x = torch.randn(1, 256, 28, 28)
ways = ConvUnit(256, 256, 3), branch(256, (64, 1), (64, 3), (256, 1))
with torch.inference_mode():
    # Processor time: what other programs take does not count.
    timers = [Timer("way(x)", timer=time.thread_time, globals={"way": way.eval(), "x": x}) for way in ways]
    for timer in timers:
        timer.timeit(20)
    plain, detour = (timer.blocked_autorange(min_run_time=0.5).median for timer in timers)
print(plain / detour)
"""


def main():
    """Runs the processes one after the other and records the ratios."""
    ratios = [ratio for (ratio,) in in_fresh_processes(ONE_RUN, RUNS)]
    record = {
        "script": "experiments/bottleneck_time.py",
        "machine": f"{platform.machine()}, 2 cores, one thread used",
        "torch": torch.__version__,
        "MACs ratio": 589_824 / 69_632,
        "time ratios": ratios,
    }
    write_whole(RECORDS / "03_bottleneck_time.json", json.dumps(record, indent=1) + "\n")
    print(f"median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
