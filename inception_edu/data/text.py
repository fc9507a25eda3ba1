"""The real text that chapter 11 learns from: dictionary definitions of nouns, and which of ten subjects each is from.

The glosses are WordNet 3.0's (Princeton University, whose licence is next to them in assets/text/LICENSE). A label
is the lexicographer file in which WordNet's authors put the noun: animal, food, act and so on.

>>> train = load_glosses("train")
>>> words = Vocabulary.of(train.texts)
>>> data = words.encode(train)             # what `fit` reads: rows of word numbers with labels
"""

import gzip
import random
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from .fashion import LabelledImages
from .files import asset

SUBJECTS = ("act", "animal", "artifact", "body", "communication", "food", "location", "person", "plant", "substance")
"""The ten subjects, in the order of their labels 0 to 9."""

FILE_HEAD = "split\tsubject\tword\tgloss"
"""The first line of the file of glosses."""

LENGTH = 24
"""How many words a row of word numbers holds: as many as the longest gloss has."""

PAD, UNKNOWN = 0, 1
"""The word numbers of the empty places after a short text, and of a word that is not in the vocabulary."""


@dataclass(frozen=True)
class Texts:
    """Texts with their labels: `words` are the nouns defined (no network reads them), `labels` (N,) int64."""

    words: tuple[str, ...]
    texts: tuple[str, ...]
    labels: Tensor
    class_names: tuple[str, ...] = SUBJECTS

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, which: slice | Tensor | Sequence[int]) -> "Texts":
        """Some of the texts: a slice, a tensor of positions or of booleans, or a list of positions."""
        places = torch.arange(len(self))[which].tolist()
        return Texts(
            tuple(self.words[i] for i in places),
            tuple(self.texts[i] for i in places),
            self.labels[places],
            self.class_names,
        )


def load_glosses(split: Literal["train", "valid", "test"], path: str | Path | None = None) -> Texts:
    """WordNet's definitions of nouns from ten subjects: 3,000 to learn from, 1,000 to choose by, 3,000 to test on.

    Every subject has equally many, and no text occurs twice. The subjects alternate, so the first 10 n texts hold n of
    each. Raises ValueError for another split or a damaged file, FileNotFoundError if there is none.
    """
    if split not in ("train", "valid", "test"):
        raise ValueError(f"the split must be 'train', 'valid' or 'test', not {split!r}")
    path = asset("text/glosses.tsv.gz") if path is None else Path(path)
    try:
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    except FileNotFoundError:
        raise
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not lines or lines[0] != FILE_HEAD:
        raise ValueError(f"{path} is not a file of glosses: its first line should be {FILE_HEAD!r}")
    words, texts, labels = [], [], []
    for number, line in enumerate(lines[1:], 2):
        fields = line.split("\t")
        if len(fields) != 4 or fields[1] not in SUBJECTS:
            raise ValueError(f"{path}, line {number}: expected a split, a known subject, a word and a gloss: {line!r}")
        if fields[0] == split:
            labels.append(SUBJECTS.index(fields[1]))
            words.append(fields[2])
            texts.append(fields[3])
    return Texts(tuple(words), tuple(texts), torch.tensor(labels, dtype=torch.int64))


def tokens(text: str) -> list[str]:
    """The words of a text, in lower case; a run of digits is a word, and everything else separates words."""
    return re.findall(r"[a-z]+|[0-9]+", text.lower())


def shuffled(data: Texts, seed: int = 0) -> Texts:
    """The same texts with the words of each in another order: only the bag of words is left."""
    chance = random.Random(seed)
    mixed = []
    for text in data.texts:
        places = [(chance.random(), word) for word in tokens(text)]
        mixed.append(" ".join(word for _, word in sorted(places)))
    return Texts(data.words, tuple(mixed), data.labels, data.class_names)


@dataclass(frozen=True)
class Vocabulary:
    """The words that a network knows: number i + 2 is `words[i]`; 0 is an empty place and 1 every other word."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str], min_count: int = 2) -> "Vocabulary":
        """The words that occur at least `min_count` times in texts to *learn* from, the most frequent first."""
        counts = Counter(word for text in texts for word in tokens(text))
        return cls(tuple(sorted((w for w, n in counts.items() if n >= min_count), key=lambda w: (-counts[w], w))))

    def __len__(self) -> int:
        """How many numbers there are: the words, the empty place and the unknown word."""
        return len(self.words) + 2

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each word."""
        return {word: i for i, word in enumerate(self.words, 2)}

    def numbers(self, texts: Iterable[str], length: int = LENGTH) -> Tensor:
        """(N, length) int64: the words of each text as numbers, cut off or padded with 0."""
        rows = [[self.index.get(word, UNKNOWN) for word in tokens(text)] for text in texts]
        return _rows(rows, length)

    def encode(self, data: Texts, length: int = LENGTH) -> LabelledImages:
        """The texts as rows of numbers with their labels, in the form that `fit` reads."""
        return LabelledImages(self.numbers(data.texts, length), data.labels, data.class_names)


def ngrams(data: Texts, n: int = 2, buckets: int = 2**14, length: int = 2 * LENGTH) -> LabelledImages:
    """Every text as the numbers of its runs of 1 to `n` words: (N, length) int64, 0 for empty places.

    A run's number is its checksum (CRC-32) modulo `buckets`, plus 1, so that no vocabulary is needed and a run
    never seen in training has a number, too; two runs may share one. Raises ValueError for `n` or `buckets` below 1.
    """
    if n < 1 or buckets < 1:
        raise ValueError(f"runs of 1 to {n} words in {buckets} buckets: both must be at least 1")
    rows = []
    for text in data.texts:
        words = tokens(text)
        runs = [" ".join(words[i : i + k]) for k in range(1, n + 1) for i in range(len(words) - k + 1)]
        rows.append([1 + zlib.crc32(run.encode()) % buckets for run in dict.fromkeys(runs)])
    return LabelledImages(_rows(rows, length), data.labels, data.class_names)


def _rows(rows: list[list[int]], length: int) -> Tensor:
    return torch.tensor([row[:length] + [PAD] * (length - len(row)) for row in rows], dtype=torch.int64)
