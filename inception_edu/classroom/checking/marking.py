"""Judges evidence: points, and a sentence for each thing that is not as it should be.

What is expected ships as short digests in assets/exercises (made by `sealing`), so that nobody reads an answer by
accident. That is a curtain, not a lock: most answers are numbers, and anyone who tries numbers finds one that fits, as
with the check itself. What students must not know, the hidden settings and their results, never leaves the teacher's
folder.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from html import escape
from typing import Any, NamedTuple

from ...data.files import asset
from ...show.palette import GREEN, VERMILLION
from .anatomy import differences, has_two_that_are_one, with_means
from .evidence import bounded, gather, recomputed

Task = Mapping[str, Any]
"""One exercise of assets/exercises/NN.json."""

EVIDENCE = "application/vnd.inception-edu.evidence+json"


class Line(NamedTuple):
    """One sentence of feedback; `good` says whether it is about something right."""

    good: bool
    text: str


class Mark(float):
    """The points for one exercise, with the feedback; a float, because that is what nbgrader reads.

    `full` is the most points there are, `lines` are the sentences. A notebook shows them as HTML.
    """

    full: float
    lines: tuple[Line, ...]
    evidence: Mapping[str, Any] | None = None

    def __new__(cls, points: float, full: float, lines: Sequence[Line]) -> "Mark":
        mark = super().__new__(cls, round(points, 2))
        mark.full, mark.lines = full, tuple(lines)
        return mark

    def __str__(self) -> str:
        head = f"{float(self):g} of {self.full:g} points" if self.full else "for practice"
        return "\n".join([head, *(f"{'right' if good else 'look'}: {text}" for good, text in self.lines)])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """What a notebook shows and, while grading, the evidence from which the mark is made a second time."""
        bundle: dict[str, Any] = {"text/plain": repr(float(self)), "text/html": self.html}
        if self.evidence is not None:
            bundle[EVIDENCE] = self.evidence
        return bundle

    @property
    def html(self) -> str:
        """The points and the sentences; the sign before each sentence means the same as its colour."""
        head = f"{float(self):g} of {self.full:g} points" if self.full else "for practice, no points"
        rows = "".join(
            f"<li style='margin:2px 0'><span aria-hidden='true' style='color:{GREEN if good else VERMILLION};"
            f"font-weight:bold'>{'&#10003;' if good else '&#10140;'}</span> "
            f"<span>{'' if good else '<b>look:</b> '}{escape(text)}</span></li>"
            for good, text in self.lines
        )
        edge = GREEN if self == self.full else VERMILLION
        return (
            f"<div role='status' style='border-left:4px solid {edge};padding:2px 12px'><b>{head}</b>"
            f"<ul style='list-style:none;margin:4px 0;padding:0'>{rows}</ul></div>"
        )


# ---- digests -----------------------------------------------------------------------------------


def digest(value: Any, salt: str) -> str:
    """Sixteen hexadecimal digits that stand for a plain value."""
    return hashlib.sha256(f"{salt}\n{json.dumps(value, sort_keys=True)}".encode()).hexdigest()[:16]


def seal(value: Any, salt: str, digits: int = 6) -> Any:
    """`value` with every number and text in it replaced by its digest; lists, keys and "shape" stay open.

    Numbers that are not whole count to `digits` significant digits.
    """
    if isinstance(value, dict):
        return {key: each if key == "shape" else seal(each, salt, digits) for key, each in value.items()}
    if isinstance(value, list):
        return [seal(each, salt, digits) for each in value]
    return digest(next(_spellings(value, digits)), salt)


def _spellings(value: Any, digits: int) -> Iterator[Any]:
    """The texts that represent a value, the exact one first: a number near the edge of a rounding has two."""
    if isinstance(value, bool) or value is None:
        yield value
    elif isinstance(value, str):
        yield " ".join(value.split()).casefold()
    else:
        near = round(value)
        if abs(value - near) <= min(1e-8 * abs(value), 1e-3):
            yield str(near)
        for nudge in (0.0, 1.0, -1.0):
            yield f"{value * (1 + nudge * 10**-digits / 4):.{digits - 1}e}"


def holds(expected: Any, given: Any, salt: str, digits: int = 6) -> bool:
    """Whether `given` is what was sealed as `expected`."""
    right, leaves = tally(expected, given, salt, digits)
    return right == leaves


def tally(expected: Any, given: Any, salt: str, digits: int = 6) -> tuple[int, int]:
    """How many of the sealed values `given` has at the same place, and how many there are."""
    if isinstance(expected, dict):
        have = given if isinstance(given, dict) else {}
        pairs = [
            (int(have.get(key) == each), 1) if key == "shape" else tally(each, have.get(key, ()), salt, digits)
            for key, each in expected.items()
        ]
    elif isinstance(expected, list):
        if not isinstance(given, list):
            return 0, max(1, len(expected))
        row = given
        pairs = [tally(each, row[i] if i < len(row) else (), salt, digits) for i, each in enumerate(expected)]
        surplus = max(0, len(row) - len(expected))
        pairs.append((0, surplus))
    elif isinstance(given, dict | list | tuple):
        return 0, 1
    else:
        return int(any(digest(text, salt) == expected for text in _spellings(given, digits))), 1
    return sum(right for right, _ in pairs), sum(leaves for _, leaves in pairs)


# ---- marks -------------------------------------------------------------------------------------


@cache
def tasks(chapter: str) -> Mapping[str, Task]:
    """The exercises of a chapter, "03", by name.

    Raises ValueError for a chapter without exercises.
    """
    try:
        found: Mapping[str, Task] = json.loads(asset(f"exercises/{chapter}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"there are no exercises for chapter {chapter!r}; the chapters are '00' to '12'") from None
    return found


def task(exercise: str) -> Task:
    """The exercise "03.name".

    Raises ValueError if it does not exist.
    """
    chapter, _, name = exercise.partition(".")
    found = tasks(chapter)
    if name not in found:
        raise ValueError(f"chapter {chapter} has no exercise {name!r}; it has {', '.join(found)}")
    return found[name]


def evidence_for(task: Task, answer: object, settings: Sequence[Any]) -> list[Any]:
    """What `gather` finds; where an exercise asks for no tensor, one of numbers is a list of them."""
    lists = task["kind"] == "computes" and not _has_tensor(task["expected"])
    return gather("lists" if lists else task["kind"], answer, settings)


def mark(exercise: str, evidence: Sequence[Any], hidden: Task | None = None) -> Mark:
    """The mark for an exercise "03.name" from its evidence, a piece for each setting that is shown, then each hidden.

    `hidden` holds "settings", "expected" and "slips" as the shown task does. Evidence comes from a student's
    program and may be anything: what is not as it should be earns nothing and never raises.
    """
    shown = task(exercise)
    expected = [*shown["expected"], *(hidden["expected"] if hidden else ())]
    full = float(shown["points"])
    pieces = list(evidence) if isinstance(evidence, list | tuple) else []
    pieces += [None] * (len(expected) - len(pieces))
    if all(piece is None for piece in pieces[: len(expected)]):
        yet = ": it returns nothing" if shown["kind"] in ("computes", "builds") else ""
        return Mark(0, full, [Line(False, f"not answered yet{yet}")])
    try:
        shares, lines = _JUDGES[shown["kind"]](exercise, shown, hidden, pieces[: len(expected)])
    except Exception:  # evidence may be forged, and then anything may be in it
        return Mark(0, full, [Line(False, "what this answer produced cannot be read, so it earns no points")])
    share = sum(shares) / len(shares) if shown.get("partial", True) else float(min(shares) == 1)
    if share > MOST_OF_A_SLIP and _is_slip(shown, lines):
        share = MOST_OF_A_SLIP
        lines = [*lines, Line(False, "an answer with this misconception earns half the points")]
    return Mark(full * share, full, lines or [Line(True, "right")])


MOST_OF_A_SLIP = 0.5
"""The most that an answer with a recognised misconception earns as a whole, however many of its boxes are right."""


MOST_LINES = 5
"""How many differences of a module are listed: one slip in a helper can make every box wrong."""


def _is_slip(shown: Task, lines: Sequence[Line]) -> bool:
    said = {slip["says"] for slip in shown.get("slips", ()) if slip.get("at") is None}
    return any(line.text in said for line in lines)


def _slip(shown: Task, hidden: Task | None, pieces: Sequence[Any], salt: str, at: str | None = None) -> str | None:
    """The sentence for the misconception that gives exactly these pieces, if there is one; modules come as digests."""
    for number, slip in enumerate(shown.get("slips", ())):
        told = [*slip["sealed"], *(hidden["slips"][number]["sealed"] if hidden else ())]
        if slip.get("at") == at and all(
            wrong == piece or holds(wrong, piece, salt, shown["digits"])
            for wrong, piece in zip(told, pieces, strict=True)
        ):
            return str(slip["says"])
    return None


def _wrong(shown: Task, slip: str | None) -> str:
    """What to say about a wrong value: the slip that it shows, or else where to look."""
    return slip or shown.get("ask") or "this is not right, and it is not one of the usual mistakes either"


def _in_another_form(expected: Any, given: Any, salt: str, digits: int) -> str:
    """What to say about a right number as text, in percent or rounded, and about a list for one value, or ""."""
    if isinstance(expected, dict | list):
        return ""
    if isinstance(given, dict | list):
        return "this should be a single value, not a list or a tensor"
    if isinstance(given, str):
        bare = re.sub(r"[\s,_']", "", given)
        top, _, bottom = bare.partition("/")
        try:
            right = holds(expected, float(top) / float(bottom or 1), salt, digits)
        except (ValueError, ZeroDivisionError):
            return ""
        return f"{given!r} is text: write the number itself, {bare}" if right else ""
    if isinstance(given, float | int) and 0 < given <= 100 and holds(expected, given / 100, salt, digits):
        return f"{given:g} is in percent: give a share between 0 and 1"
    return f"right, but rounded: give at least {digits} digits" if _rounds(expected, given, salt, digits) else ""


def _rounds(expected: Any, given: Any, salt: str, digits: int) -> bool:
    """Whether `given` is the sealed number, rounded to two digits or more."""
    if type(given) is not float or not math.isfinite(given):
        return False
    mantissa, exponent = f"{given:.{digits - 1}e}".split("e")
    missing = len(mantissa) - len(mantissa.rstrip("0"))
    if not 1 <= missing <= digits - 2:
        return False
    middle, half = int(mantissa.replace(".", "")), 10**missing // 2
    near = (
        f"{number / 10 ** (digits - 1):.{digits - 1}f}e{exponent}" for number in range(middle - half, middle + half)
    )
    return any(digest(text, salt) == expected for text in near)


def _has_tensor(piece: Any) -> bool:
    if isinstance(piece, dict) and set(piece) != {"shape", "values"}:
        piece = [*piece.values()]
    return any(map(_has_tensor, piece)) if isinstance(piece, list) else isinstance(piece, dict)


def failure(piece: Any) -> str | None:
    """The sentence of a piece of evidence that could not be collected."""
    return str(piece["error"]) if isinstance(piece, dict) and set(piece) == {"error"} else None


def _judge_answer(salt: str, shown: Task, hidden: Task | None, pieces: list[Any]) -> tuple[list[float], list[Line]]:
    (expected,), (given,) = shown["expected"], pieces
    if error := failure(given):
        return [0.0], [Line(False, error)]
    right, leaves = tally(expected, given, salt, shown["digits"])
    if right == leaves:
        return [1.0], []
    lines = []
    if isinstance(expected, dict) and isinstance(given, dict):
        for key, wanted in expected.items():
            if holds(wanted, given.get(key, ()), salt, shown["digits"]):
                lines.append(Line(True, key))
            elif given.get(key) is None:
                lines.append(Line(False, f"{key}: not answered yet"))
            else:
                slip = _slip(shown, None, [given[key]], salt, key)
                slip = slip or _in_another_form(wanted, given[key], salt, shown["digits"])
                lines.append(Line(False, f"{key}: {_wrong(shown, slip)}"))
        for key in given.keys() - expected.keys():
            near = get_close_matches(key, expected, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(map(repr, expected))}"
            lines.append(Line(False, f"there is no key {key!r}: {hint}"))
    elif slip := _slip(shown, None, [given], salt):
        right = 0
        lines.append(Line(False, slip))
    elif form := _in_another_form(expected, given, salt, shown["digits"]):
        lines.append(Line(False, form))
    elif isinstance(expected, list):
        row = given if isinstance(given, list) else []
        off = [
            str(i)
            for i, wanted in enumerate(expected, 1)
            if i > len(row) or not holds(wanted, row[i - 1], salt, shown["digits"])
        ]
        told = (
            f"these entries are not right: {', '.join(off)}"
            if row and off
            else f"this should be a list of {len(expected)} entries"
        )
        lines += [Line(False, told), Line(False, shown["ask"])] if "ask" in shown else [Line(False, told)]
    elif isinstance(expected, dict):
        lines.append(Line(False, f"this should be a dict with the keys {', '.join(map(repr, expected))}"))
    else:
        lines.append(Line(False, _wrong(shown, None)))
    tried = any(each is not None for each in given.values()) if isinstance(given, dict) else True
    return [right / leaves], [*lines, Line(False, shown["twin"])] if "twin" in shown and tried else lines


def _call(setting: Sequence[Any]) -> str:
    """The arguments of a call in words: `28, 3, a tensor of 2x3x8x8`."""
    return ", ".join(
        f"a tensor of {'x'.join(map(str, each['tensor']))}"
        if isinstance(each, dict) and "tensor" in each
        else _short(each)
        for each in setting
    )


def _judge_computed(salt: str, shown: Task, hidden: Task | None, pieces: list[Any]) -> tuple[list[float], list[Line]]:
    settings, many = shown["settings"], len(shown["expected"])
    expected = [*shown["expected"], *(hidden["expected"] if hidden else ())]
    ok = [holds(e, p, salt, shown["digits"]) for e, p in zip(expected, pieces, strict=True)]
    shares = [float(each) for each in ok]
    if all(ok):
        return shares, []
    if slip := _slip(shown, hidden, pieces, salt):
        return shares, [Line(False, slip)]
    lines: list[Line] = []
    errors: set[str] = set()
    for setting, piece, want, good in zip(settings, pieces, expected, ok, strict=False):
        call = f"for {_call(setting)}"
        if good:
            lines.append(Line(True, call))
        elif error := failure(piece):
            lines.append(Line(False, f"{call}: {'the same error' if error in errors else error}"))
            errors.add(error)
        elif isinstance(want, dict) and "shape" in want and isinstance(piece, list):
            lines.append(Line(False, f"{call}: this should be a tensor, not a list"))
        elif isinstance(want, dict) and "shape" in want and isinstance(piece, dict) and "shape" in piece:
            same = want["shape"] == piece["shape"]
            told = (
                "the shape is right, the values are not"
                if same
                else (f"expected the shape {tuple(want['shape'])}, yours is {tuple(piece['shape'])}")
            )
            lines.append(Line(False, f"{call}: {told}"))
        elif isinstance(want, dict) and isinstance(piece, dict):
            off = [key for key, each in want.items() if not holds(each, piece.get(key, ()), salt, shown["digits"])]
            lines.append(Line(False, f"{call}: not right: {', '.join(off)}"))
        else:
            form = _in_another_form(want, piece, salt, shown["digits"])
            told = "it returns nothing" if piece is None else form or f"{_short(piece)} is not right"
            lines.append(Line(False, f"{call}: {told}"))
    if all(ok[:many]):
        return shares, [Line(True, _HERE), Line(False, _OTHERS)]
    ask = shown.get("ask", "")
    wrong = [setting for setting, good in zip(settings, ok, strict=False) if not good]
    asked = [ask[str(setting[0])] for setting in wrong] if isinstance(ask, Mapping) else [ask] if ask else []
    return shares, [*lines, *(Line(False, each) for each in dict.fromkeys(asked))]


_HERE = "right for the values shown here"
_OTHERS = (
    "not right for other values: does it use every argument, "
    "or is a number written into it that should come from an argument?"
)


def _short(piece: Any) -> str:
    text = repr(piece)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _judge_built(salt: str, shown: Task, hidden: Task | None, pieces: list[Any]) -> tuple[list[float], list[Line]]:
    many = len(shown["expected"])
    expected = [*shown["expected"], *(hidden["expected"] if hidden else ())]
    told = [piece if failure(piece) is None and piece is not None else {} for piece in pieces]
    shares: list[float] = []
    lines: list[list[Line]] = []
    for number, (want, piece, have) in enumerate(zip(expected, pieces, told, strict=True)):
        if not have:
            shares.append(0.0)
            said = failure(piece) or "it returns nothing yet"
            if number >= many and ": " in said:  # the rest of the sentence may tell the numbers
                said = f"it raises {said.partition(':')[0]}"
            lines.append([Line(False, said)])
            continue
        right = holds(want["numbers"], have["numbers"], salt, 6)
        wanted, yours = ((with_means if right else list)(each["parts"]) for each in (want, have))
        found = differences(wanted, yours, tell=number < many and shown.get("tell", True))
        share = found.right / found.boxes if found.boxes else 1.0
        rest = "; the rest is right" if len(found.lines) == 1 and found.right else ""
        differs = [line + rest for line in found.lines]
        if differs and not shown.get("partial", True):  # someone who looks for a bug is not told where it is
            alike = max(0, found.boxes - len(found.lines))
            differs = [f"it is not fixed yet: {alike} of {found.boxes} boxes are right"]
            if number < many and have["output"] != want["output"]:
                differs.append(f"it outputs {tuple(have['output'])}, another shape than the one that is asked for")
        if not differs and not right:
            share /= 2
            differs = ["every box is right, but the module computes the wrong numbers"]
        shares.append(share)
        lines.append([Line(False, line) for line in differs])
    slip = _slip(shown, hidden, [digest(have.get("parts"), salt) for have in told], salt)
    at_hand = [line for each in lines[:many] for line in each]
    if slip:
        at_hand = [Line(False, slip), *at_hand[:3]]
    if not at_hand and min(shares) < 1:  # what is hidden is told where nothing else is
        elsewhere = (f"with other values, {line.text}" for each in lines[many:] for line in each)
        at_hand = [Line(True, _HERE), Line(False, _OTHERS)]
        at_hand += [Line(False, text) for text in elsewhere]
    at_hand = list(dict.fromkeys(at_hand))
    if len(at_hand) > MOST_LINES:
        at_hand = [*at_hand[:MOST_LINES], Line(False, f"and {len(at_hand) - MOST_LINES} more places")]
    return shares, at_hand


def _judge_designed(salt: str, shown: Task, hidden: Task | None, pieces: list[Any]) -> tuple[list[float], list[Line]]:
    """Each bound counts the same; a design with the wrong output solves another task and earns nothing."""
    bounds, piece = shown["expected"][0], pieces[0]
    if error := failure(piece):
        return [0.0], [Line(False, error)]
    given, doubt = recomputed(piece, shown["settings"][0][1])
    lines, kept = [Line(False, doubt)] if doubt else [], 0
    if "output" in bounds and given["output"] != bounds["output"]:
        return [0.0], [Line(False, f"it outputs {tuple(given['output'])} and should output {tuple(bounds['output'])}")]
    limits = [(what, how, limit) for what, pair in bounds.items() if what != "output" for how, limit in pair.items()]
    for what, how, limit in limits:
        value = bounded(given[what], how)
        if isinstance(value, str):  # why it is not known
            lines.append(Line(False, f"{what}: {value}"))
            continue
        good = value <= limit if how == "most" else value >= limit
        kept += good
        lines.append(Line(good, f"{what}: {value:,}; should be at {how} {limit:,}"))
    if has_two_that_are_one(piece["parts"]):
        lines.append(Line(False, "between two convolutions there is no ReLU: both compute no more than one could"))
    return [kept / len(limits)], lines


_JUDGES: Mapping[str, Callable[[str, Task, Task | None, list[Any]], tuple[list[float], list[Line]]]] = {
    "answer": _judge_answer,
    "computes": _judge_computed,
    "builds": _judge_built,
    "designs": _judge_designed,
}
