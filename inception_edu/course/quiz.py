"""Questions whose answer is one number, and the misconceptions that wrong numbers reveal."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import isclose

from ..show.html import table


def compare(guess: float | None, answer: float, unit: str = "") -> str:
    """A reader's guess compared with the answer, in a sentence; `None` means that nothing was guessed."""
    words = f"{answer:,} {unit}".strip()
    if guess is None:
        return f"You wrote no guess this time. It is {words}."
    if guess == answer:
        return f"Exactly: {words}."
    if guess <= 0 or answer <= 0:
        return f"You wrote {guess:,}. It is {words}."
    ratio = guess / answer
    off = f"{ratio:.3g} times too high" if ratio > 1 else f"{1 / ratio:.3g} times too low"
    return f"You wrote {guess:,}, which is {off}. It is {words}."


@dataclass(frozen=True)
class Question:
    """A question, its `answer`, and the `mistakes` with a comment of their own: wrong number -> what it equals.

    Numbers count as equal within a relative `tolerance`. `primer` is the heading of the section that helps.
    Raises ValueError if a mistake cannot be told from the answer or from another mistake.
    """

    text: str
    answer: float
    mistakes: Mapping[float, str]
    primer: str
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        numbers = [self.answer, *self.mistakes]
        for place, number in enumerate(numbers):
            if any(self._same(number, other) for other in numbers[:place]):
                raise ValueError(f"{number:g} means two different answers to {self.text!r}")

    def _same(self, a: float, b: float) -> bool:
        return isclose(a, b, rel_tol=self.tolerance)

    def feedback(self, given: float | None) -> str:
        """A sentence about an answer that never gives away the right one."""
        if given is None:
            return "not answered yet"
        if self._same(given, self.answer):
            return "right"
        for number, words in self.mistakes.items():
            if self._same(given, number):
                return f"not quite: {given:,g} {words}" if isinstance(given, float) else f"not quite: {given:,} {words}"
        return f"no: read “{self.primer}” below and try once more"


class Diagnosis:
    """The feedback on several questions at once, as a table; `to_read` are the primers of those answered wrongly."""

    def __init__(self, questions: Mapping[str, Question], answers: Mapping[str, float | None]) -> None:
        """Raises ValueError for an answer to a question that was not asked."""
        if unknown := [name for name in answers if name not in questions]:
            raise ValueError(f"there is no question {unknown[0]!r}; there are {', '.join(questions)}")
        self.feedback = {name: q.feedback(answers.get(name)) for name, q in questions.items()}
        self.to_read = list(dict.fromkeys(q.primer for n, q in questions.items() if self.feedback[n] != "right"))
        self._texts = {name: q.text for name, q in questions.items()}

    def __str__(self) -> str:
        right = sum(words == "right" for words in self.feedback.values())
        return "\n".join([*(f"{name}: {words}" for name, words in self.feedback.items()), f"{right} right"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [(name, self._texts[name], words) for name, words in self.feedback.items()]
        reading = ", ".join(self.to_read) or "none"
        answers = table(("", "question", "your answer"), rows, left=range(3))
        return f"{answers}<p>Primers worth a minute: {escape(reading)}.</p>"
