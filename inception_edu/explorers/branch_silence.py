"""The branch silence explorer: delete words of a sentence until a branch of a trained text network adds nothing.

The network is the small 1-D Inception that ships with the course. The linear layer reads each channel of its last block
at one place only, where it is strongest. So the score of a subject is a sum over channels, and it can be divided
among the four branches that the channels belong to and the words where they peaked. The score of an empty sentence
counts as zero.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from ..data.files import asset
from ..data.text import SUBJECTS, Vocabulary, load_glosses, tokens
from ..models.text import TEXT_ROW, TextNet, load_text
from ..show.palette import BLUE, VERMILLION
from .settings import Settings, choice, explorer, knob
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel

BRANCHES = ("1x1", "1x1, 1x3", "1x1, 1x5", "pool, 1x1")

WIDTHS = (TEXT_ROW[0], TEXT_ROW[2], TEXT_ROW[4], TEXT_ROW[5])
"""Channels that each branch of the last block outputs."""

NOUNS = (
    "permutation",
    "green adder's mouth",
    "propanol",
    "foster-son",
    "Springfield",
    "subclavian artery",
    "anadama bread",
    "otter",
)
"""Nouns of the test set whose definitions have twelve words and are recognised; one for each of eight subjects."""

LENGTH = 12
"""Words in each of the definitions."""


@dataclass(frozen=True)
class Heard(Settings):
    """The definition of one of `NOUNS`, of which words `first` to `last` except `out` are kept.

    Words are counted from 1, and `out=0` leaves none out. Raises ValueError where no word is left.
    """

    noun: str = choice(NOUNS[0], "Definition of", NOUNS)
    first: int = knob(1, "First word kept", 1, LENGTH)
    last: int = knob(LENGTH, "Last word kept", 1, LENGTH)
    out: int = knob(0, "Word left out, 0 for none", 0, LENGTH)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.first > self.last:
            raise ValueError(f"word {self.first} comes after word {self.last}, so no word is kept")
        if not self.kept:
            raise ValueError(f"word {self.out} is the only one kept, and leaving it out leaves nothing to read")

    @property
    def words(self) -> tuple[str, ...]:
        """All words of the definition."""
        return definitions()[self.noun][0]

    @property
    def subject(self) -> int:
        """The label of the definition; the network recognises it when it reads all of it."""
        return definitions()[self.noun][1]

    @property
    def kept(self) -> tuple[int, ...]:
        """Positions of the words that the network reads, from 0."""
        return tuple(i for i in range(self.first - 1, self.last) if i != self.out - 1)

    @cached_property
    def _heard(self) -> tuple[Tensor, Tensor]:
        return _strongest(" ".join(self.words[i] for i in self.kept))

    @cached_property
    def shares(self) -> Tensor:
        """(4, 13): what each branch adds to the subject's score at each word, the last column after the text.

        Counted from the score of an empty sentence, in the units of logits. Deleted words have 0.
        """
        net, _ = _trained()
        peaks, places = self._heard
        added = (net.net.classifier.linear.weight[self.subject] * (peaks - _silence())).detach()  # type: ignore[union-attr, index]
        columns = torch.tensor([*self.kept, *[LENGTH] * LENGTH])[places.clamp(max=LENGTH)]
        branches = torch.arange(len(BRANCHES)).repeat_interleave(torch.tensor(WIDTHS))
        return torch.zeros(len(BRANCHES), LENGTH + 1).index_put_((branches, columns), added, accumulate=True)

    @property
    def totals(self) -> list[float]:
        """What each branch adds to the subject's score."""
        return self.shares.sum(1).tolist()

    @cached_property
    def answer(self) -> tuple[str, float]:
        """The subject that the network names for the words kept, and its probability."""
        net, _ = _trained()
        with torch.no_grad():
            chances = net.net.classifier.linear(self._heard[0]).softmax(0)  # type: ignore[operator]
        return SUBJECTS[int(chances.argmax())], float(chances.max())

    def sentence(self) -> str:
        told = "; ".join(f"{name} {total:+.1f}" for name, total in zip(BRANCHES, self.totals, strict=True))
        answer, chance = self.answer
        return f"For {SUBJECTS[self.subject]}: {told}. The network says {answer} ({chance:.0%})."

    def versus(self, pinned: Self) -> str:
        if self.noun != pinned.noun:
            return ""
        totals = zip(BRANCHES, self.totals, pinned.totals, strict=True)
        changes = "; ".join(f"{name} {now - was:+.1f}" for name, now, was in totals)
        return f"Compared with the pinned setting: {changes}."

    def view(self) -> str:
        """A row for each word, a column for each branch; bars say how much the branch adds to the score there."""
        left, row, column, zero = 150, 19, 122, 34
        scale = 80 / max(2.0, float(self.shares.abs().max()), *map(abs, self.totals))
        height = 40 + row * (LENGTH + 3)
        parts = [text(left + j * column + zero, 22, name, size=13) for j, name in enumerate(BRANCHES)]
        labels = [*(f"{i + 1:>2}  {word}" for i, word in enumerate(self.words)), "after the text", "total"]
        values = [*self.shares.T.tolist(), self.totals]
        for i, (label, across) in enumerate(zip(labels, values, strict=True)):
            y = 34 + row * i + (8 if i > LENGTH else 0)
            gone = i < LENGTH and i not in self.kept
            parts.append(
                f"<g opacity='0.4'>{text(4, y + 13, f'{label} (deleted)')}</g>" if gone else text(4, y + 13, label)
            )
            for j, value in enumerate(across):
                x = left + j * column + zero
                if abs(value) >= 0.05:
                    start, colour = (x, BLUE) if value > 0 else (x + value * scale, VERMILLION)
                    parts += bar(start, y + 2, abs(value) * scale, row - 5, colour, "", hatched=value < 0)
                if i > LENGTH:
                    parts.append(text(x, y + row + 12, f"{value:+.1f}", size=12))
        for j in range(len(BRANCHES)):
            x = left + j * column + zero
            parts.append(f'<path d="M{x} 30V{height - 24}" stroke="currentColor" stroke-opacity="0.5"/>')
        return svg(left + 4 * column + 20, height + 12, parts, f"Bars for each word and branch. {self.sentence()}")


@lru_cache(1)
def definitions() -> dict[str, tuple[tuple[str, ...], int]]:
    """Words and label of the definition of each of `NOUNS`."""
    test = load_glosses("test")
    where = {noun: i for i, noun in enumerate(test.words) if len(tokens(test.texts[i])) == LENGTH}
    return {noun: (tuple(tokens(test.texts[where[noun]])), int(test.labels[where[noun]])) for noun in NOUNS}


@lru_cache(1)
def _trained() -> tuple[TextNet, Vocabulary]:
    net, vocabulary, _ = load_text(asset("checkpoints/text_inception.safetensors"))
    return net, vocabulary


def _strongest(words: str) -> tuple[Tensor, Tensor]:
    """The strongest value of each channel after the last block, and its position: (C,) each."""
    net, vocabulary = _trained()
    with torch.no_grad():
        maps = net.net.features(net.maps(vocabulary.numbers([words])))[0, :, 0]
    peaks, places = maps.max(1)
    return peaks, places


@lru_cache(1)
def _silence() -> Tensor:
    """The strongest values for an empty sentence."""
    return _strongest("")[0]


def branch_silence_explorer() -> "Panel":
    """The explorer of chapter 11: definitions of the test set, whole and with words deleted."""
    return explorer("Which branch hears which words?", Heard, {noun: Heard(noun) for noun in NOUNS})
