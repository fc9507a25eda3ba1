"""The words in which a key says what is expected: `Answer`, `Computes`, `Builds`, `Designs`.

`KEY` in chapters/exercises/NN_topic/key.py is a dict from the name of an exercise to one of them. The right answers
are not there: the solutions in the notebook give them (see `sealing`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Shaped = tuple[Sequence[Any], Sequence[int]]
"""The arguments for a builder, and the shape (C, H, W) of the image that its module reads."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A number, a text, or a list or dict of them.

    `slips` is wrong value -> sentence, or for a dict: key -> {wrong value -> sentence}. A sentence says what the
    wrong value equals and never the right one. `ask` is said to any other wrong answer: ask for a step on the way.
    `twin` is a last sentence for anyone who was wrong: the same question with other numbers and its answer.
    """

    kind = "answer"
    points: float
    slips: Mapping[Any, Any] = field(default_factory=dict)
    ask: str = ""
    twin: str = ""
    digits: int = 6


@dataclass(frozen=True, kw_only=True)
class Computes:
    """A function of plain numbers, texts or tensors (`{"tensor": [2, 3, 8, 8], "seed": 0}`).

    `shown` and `hidden` are lists of arguments. `slips` is sentence -> the function that has the misconception.
    With `partial=False` only an answer that is right everywhere earns points: for a bug to be found.
    `ask` as for `Answer`, or one for each first argument, as text.
    """

    kind = "computes"
    points: float
    shown: Sequence[Sequence[Any]]
    hidden: Sequence[Sequence[Any]]
    slips: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    ask: str | Mapping[str, str] = ""
    partial: bool = True
    digits: int = 4


@dataclass(frozen=True, kw_only=True)
class Builds:
    """A function that builds a module (or, with no arguments, a module). `slips` is sentence -> wrong builder.

    `partial` as for `Computes`. With `tell=False` feedback names what is wrong and not what would be right: for a
    module that has to be worked out, where it would be the answer.
    """

    kind = "builds"
    points: float
    shown: Sequence[Shaped]
    hidden: Sequence[Shaped] = ()
    slips: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    partial: bool = True
    tell: bool = True
    digits: int = 6


@dataclass(frozen=True, kw_only=True)
class Designs:
    """A module, or a function without arguments that makes one, judged by its output and bounds.

    `most` and `least` bound what `evidence._designed` measures: "MACs", "parameters", "receptive field" and so on.
    The solution must keep every bound.
    """

    kind = "designs"
    points: float
    shape: Sequence[int]
    output: Sequence[int]
    most: Mapping[str, float] = field(default_factory=dict)
    least: Mapping[str, float] = field(default_factory=dict)


Key = Answer | Computes | Builds | Designs
