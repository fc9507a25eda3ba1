"""Makes assets/text from WordNet 3.0: `python tools/make_text.py /usr/share/wordnet`.

The folder holds WordNet's `data.noun` (Debian's package wordnet-base installs it). Each entry of that file is a
sense of a noun: the number of its lexicographer file, which is a broad subject such as animals or food, its words,
and after a bar its gloss. From ten of the subjects equally many glosses are drawn with seed 0; examples in quotation
marks are cut off, and a gloss that occurs twice is kept once. The subjects alternate in the file, so the first 10 n
lines of a split hold n of each. Every run writes the same bytes.
"""

import gzip
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from inception_edu.data.files import write_whole
from inception_edu.data.text import FILE_HEAD, tokens

SUBJECTS = {
    "04": "act",
    "05": "animal",
    "06": "artifact",
    "08": "body",
    "10": "communication",
    "13": "food",
    "15": "location",
    "18": "person",
    "20": "plant",
    "27": "substance",
}
"""WordNet's numbers of the ten lexicographer files, and their names after the "noun."."""

SPLITS = {"train": 300, "valid": 100, "test": 300}
"""Glosses of each subject."""

WORDS = range(4, 25)
"""How many words a gloss may have."""


def entries(path: Path) -> Iterator[tuple[str, str, str]]:
    """(number of the lexicographer file, first word, definition) of every sense in a `data.noun`."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):  # the licence is in the first lines
            continue
        fields, _, gloss = line.partition(" | ")
        _, number, _, _, word, *_ = fields.split()
        definition = re.sub(r'[;:,]?\s*".*', "", gloss).strip(" ;")
        yield number, word.replace("_", " "), definition


def licence(path: Path) -> str:
    """The licence that begins every file of WordNet, without its line numbers."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(re.sub(r"^ +\d+ ", "", line).rstrip() for line in lines if line.startswith("  ")) + "\n"


def main(source: Path) -> None:
    """Draws the glosses and writes both files."""
    folder = Path(__file__).resolve().parent.parent / "assets" / "text"
    folder.mkdir(parents=True, exist_ok=True)
    pools: dict[str, list[tuple[str, str]]] = {number: [] for number in SUBJECTS}
    seen: set[str] = set()
    for number, word, gloss in entries(source / "data.noun"):
        key = " ".join(tokens(gloss))
        if number in pools and len(key.split()) in WORDS and key not in seen:
            seen.add(key)
            pools[number].append((word, gloss))
    chance = np.random.PCG64(0)
    drawn = {
        number: [pool[i] for i in np.argsort(chance.random_raw(len(pool)))[: sum(SPLITS.values())]]
        for number, pool in pools.items()
    }
    lines, start = [], 0
    for split, count in SPLITS.items():
        for i in range(start, start + count):
            lines += ["\t".join((split, subject, *drawn[number][i])) for number, subject in SUBJECTS.items()]
        start += count
    content = "\n".join([FILE_HEAD, *lines]) + "\n"
    write_whole(folder / "glosses.tsv.gz", gzip.compress(content.encode(), 9, mtime=0))
    write_whole(folder / "LICENSE", licence(source / "data.noun"))
    print(f"{len(lines):,} glosses in {len(SUBJECTS)} subjects, drawn from {sum(map(len, pools.values())):,}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
