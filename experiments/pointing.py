"""The recorded cloud of chapter 10: how often ten trained networks point at the right one of nine pictures.

`python experiments/pointing.py` writes assets/records/10_pointing.json; a stopped run continues where it was.
About six minutes on one core. The same 200 canvases for every network; ways of pointing are compared in pairs, on
one and the same network. An untrained network of the same seed is the control.
"""

from typing import Any

import torch
from tqdm import tqdm

from inception_edu.course.pointing import Canvases, by_brightness, by_map, by_occlusion, canvases, hits
from inception_edu.data.fashion import load_fashion
from inception_edu.family import build
from inception_edu.network import InceptionNet
from inception_edu.train.loop import ONE_MINUTE, SMALL_GOOGLENET, accuracy, fit
from tools.recording import Record

RECIPE = {**ONE_MINUTE, "epochs": 1}
SEEDS, CANVASES = range(10), 200


def main() -> None:
    """Trains ten networks on the bundled images and lets each play."""
    train, test = load_fashion("train"), load_fashion("test")
    game = canvases(test, CANVASES, seed=0)
    pointed_at_middle = (game.cells == 4).float().mean().item()
    baselines = {"brightest cell": hits(by_brightness(game), game), "centre": pointed_at_middle}
    record = Record("10_pointing", made_by="experiments/pointing.py", canvases=CANVASES, baselines=baselines, epochs=1)

    def play(net: InceptionNet) -> dict[str, Any]:
        net.eval()
        return {"map": hits(by_map(net, game), game), "occlusion": hits(by_occlusion(net, game), game)}

    def run(seed: int, game: Canvases = game) -> dict[str, Any]:
        torch.manual_seed(seed)
        net = build("googlenet", **SMALL_GOOGLENET)
        control = hits(by_map(net.eval(), game), game)
        fit(net, train, seed=seed, progress=False, **RECIPE)
        return {**play(net), "untrained map": control, "test": round(accuracy(net, test), 4)}

    for seed in tqdm(SEEDS, unit="network"):
        record.once(f"network/{seed}", lambda seed=seed: run(seed))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
