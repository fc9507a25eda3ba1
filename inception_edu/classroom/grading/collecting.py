"""Sorts what a learning platform lets a teacher download into a course folder, a folder for each student.

Everything in the download gets a line. Nothing collected before is replaced until everything new has been read.
"""

import csv
import io
import json
import re
import shutil
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

from ...data.files import write_whole
from .repair import LARGEST, NOTEBOOK

Read = TypeVar("Read")

RECEIPT = "handed_in.json"
"""Beside a collected notebook: whose it is in the platform's words, which `returning` needs."""
ROSTER = "roster.csv"
"""The students of a course, in its folder."""

PATTERNS = {
    "moodle": r"(?P<name>[^/]+?)_(?P<number>\d+)_assignsubmission_(?P<how>file|onlinetext)(?P<rest>_?(/.*)?|_[^/]+)",
    "canvas": r"(?P<name>[^/]+?)(_LATE)?_(?P<number>\d+)_\d+_[^/]+",
    "folder": r"(?P<name>[^/]+)/.*",
    "file": r"(?P<name>[^/]+?)(\.ipynb)?\.\w+",
}
"""How platforms name what students handed in; the first that fits says who the student is."""


@dataclass(frozen=True)
class Owner:
    """Whose a file is: `key` names a folder, the rest is as the platform has it."""

    key: str
    platform: str
    name: str
    number: str = ""


def owner(path: str) -> Owner | None:
    """Who handed in the file of that path; None where it does not say.

    A platform's number is part of the key, for two students may have one name.
    """
    for platform, pattern in PATTERNS.items():
        if found := re.fullmatch(pattern, path, re.DOTALL):
            name, number = found["name"], found.groupdict().get("number") or ""
            key = folder_name(f"{name}_{number}" if number else name)
            return Owner(key, platform, name, number) if key else None
    return None


def folder_name(text: str) -> str:
    """`text` in letters, digits and marks that a folder's name can hold, composed in the one usual way (NFC)."""
    kept = (c if unicodedata.category(c)[0] in "LNM" or c in ".@-" else "_" for c in unicodedata.normalize("NFC", text))
    return re.sub("_+", "_", "".join(kept)).strip("._")[:100]


def collect(source: Path, submitted: Path, assignment: str, roster: "Roster | None" = None) -> list[str]:
    """Copies the notebooks in a folder or zip to submitted/STUDENT/assignment, with the time of the last.

    What was collected from a student before is replaced, at the end. With a `roster`, a student whom it names without
    doubt goes by their id there, and those who handed in nothing are listed. Returns a line for each student, and for
    each file that was left out. Raises ValueError where there is no notebook, and for a file that is not a zip, or is
    damaged or encrypted.
    """
    taken: dict[str, list[_File]] = {}
    owners: dict[str, Owner] = {}
    left_out: list[str] = []
    files = list(_files(source, left_out))
    top = _common_top([file.path for file in files])
    submitted.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".collecting-", dir=submitted) as staging:
        for file in sorted(files, key=lambda file: file.when):
            path = file.path.removeprefix(top)
            whose = owner(path)
            if whose and roster:
                whose = roster.known(whose)
            if why := _useless(path, file.size, whose):
                left_out.append(f"left out: {file.path!r} {why}")
                continue
            assert whose is not None
            taken.setdefault(whose.key, []).append(file)
            owners[whose.key] = whose
        if not taken:
            raise ValueError(
                "\n".join([f"there is no student's notebook in {source}: STUDENT.ipynb, for example", *left_out])
            )
        for student, theirs in taken.items():
            place = Path(staging, student)
            place.mkdir()
            for number, file in enumerate(theirs):
                name = _notebook_name(PurePosixPath(file.path).name)
                name = NOTEBOOK if len(theirs) == 1 else name  # the only one needs no name of its own
                write_whole(place / (name if not (place / name).exists() else f"{number}_{name}"), file.content())
            write_whole(place / "timestamp.txt", f"{theirs[-1].when:%Y-%m-%d %H:%M:%S} UTC\n")
            receipt = {**asdict(owners[student]), "file": theirs[-1].path}
            write_whole(place / RECEIPT, json.dumps(receipt, ensure_ascii=False))
        for student in taken:
            place = submitted / student / assignment
            shutil.rmtree(place, ignore_errors=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(staging, student), place)
    lines = [f"{student}: {', '.join(file.path for file in taken[student])}" for student in sorted(taken)]
    if roster:
        lines += [f"not in the roster: {student}" for student in sorted(taken) if student not in roster.names]
        lines += [
            f"handed in nothing: {student} ({roster.names[student]})" for student in sorted(roster.names.keys() - taken)
        ]
    return [*lines, *left_out]


def _useless(path: str, size: int, whose: Owner | None) -> str:
    """Why a file of the download is not a submission, or ""."""
    if whose is None:
        return "does not name a student"
    if "_assignsubmission_onlinetext" in path.partition("/")[0]:
        return f"of {whose.key} is text typed online, not a notebook such as {NOTEBOOK}"
    if not _notebook_name(PurePosixPath(path).name):
        return f"of {whose.key} is not a notebook"
    return f"of {whose.key} has {size / 2**20:.0f} MB, too much for a notebook" if size > LARGEST else ""


def _notebook_name(name: str) -> str:
    """A notebook's own name, whatever a browser appended to it; "" for another kind of file."""
    found = re.fullmatch(r"(.+?)\.ipynb(\.(json|txt|download))?", name, re.IGNORECASE)
    return f"{found[1]}.ipynb" if found else ""


def _common_top(paths: list[str]) -> str:
    """The folder, with its slash, that holds the whole class, or "": one student's own folder is none."""
    tops = {path.partition("/")[0] for path in paths}
    rest = [path.partition("/")[2] for path in paths]
    if len(tops) != 1 or not all(rest) or re.fullmatch(PATTERNS["moodle"], tops.copy().pop()):
        return ""
    one_students = any(_notebook_name(inner) == NOTEBOOK for inner in rest) or len(rest) == 1
    return "" if one_students and not all("/" in inner for inner in rest) else f"{tops.pop()}/"


# ---- the roster ------------------------------------------------------------------------------------

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "id number", "student id", "sis user id", "username", "login", "sis login id"),
    "name": ("name", "full name", "student"),
    "first": ("first name", "firstname", "given name"),
    "last": ("last name", "surname", "lastname", "family name"),
    "number": ("number", "canvas id"),
    "email": ("email", "email address", "e-mail"),
}


class Roster:
    """The students of a course, from a CSV with a column `id` and `name`, or first and last name.

    Headings are those of Moodle's and Canvas's lists, too. Raises ValueError where these columns are missing.
    """

    def __init__(self, path: Path) -> None:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        heads = {head.strip().casefold(): head for head in (rows[0] if rows else {}) if head}

        def cell(row: Mapping[str, str], what: str) -> str:
            return next(((row[heads[name]] or "").strip() for name in _COLUMNS[what] if name in heads), "")

        self.names: dict[str, str] = {}
        self.split: dict[str, tuple[str, str]] = {}  # first and last name
        self._by: dict[str, set[str]] = {}
        for row in rows:
            key = folder_name(cell(row, "id"))
            name = cell(row, "name") or f"{cell(row, 'first')} {cell(row, 'last')}".strip()
            if not key or not name:
                continue
            self.names[key] = name
            last, first = cell(row, "last"), cell(row, "first")
            if not last and "," in name:
                last, _, first = name.partition(",")
            elif not last:
                first, _, last = name.rpartition(" ")
            self.split[key] = _no_commas(first), _no_commas(last)
            mail, number = cell(row, "email"), cell(row, "number")
            for word in (key, name, f"{last}{first}", f"{first}{last}", mail, mail.partition("@")[0], number):
                if word:
                    self._by.setdefault(_flat(word), set()).add(key)
        if not self.names:
            raise ValueError(f"{path} lists nobody: it should be a CSV with the columns id and name")

    def known(self, whose: Owner) -> Owner:
        """The same owner under the id of the roster, where it names exactly one such student."""
        for word in (whose.number if whose.platform == "canvas" else "", whose.name):
            if word and len(ids := self._by.get(_flat(word), set())) == 1:
                return Owner(next(iter(ids)), whose.platform, whose.name, whose.number)
        return whose


def _no_commas(text: str) -> str:
    """nbgrader writes its table of marks without quotes."""
    return " ".join(text.replace(",", " ").split())


def _flat(text: str) -> str:
    """Letters and digits alone, in lower case: platforms join names in several ways."""
    return "".join(c for c in unicodedata.normalize("NFC", text).casefold() if unicodedata.category(c)[0] in "LNM")


# ---- what is in a download ---------------------------------------------------------------------


class _File(NamedTuple):
    """A file in a folder or zip: its path within, time, size in bytes, and how to get the bytes."""

    path: str
    when: datetime
    size: int
    content: Callable[[], bytes]


def _files(source: Path, left_out: list[str]) -> Iterator[_File]:
    if not source.is_dir():
        yield from _zipped(source, source.name, "", datetime.fromtimestamp(source.stat().st_mtime, UTC), left_out)
        return
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source).as_posix()
        if path.is_symlink():
            left_out.append(f"left out: {inside!r} is a link")
        elif path.is_file() and not _clutter(inside):
            facts = path.stat()
            when = datetime.fromtimestamp(facts.st_mtime, UTC)
            yield from _opened(_File(inside, when, facts.st_size, path.read_bytes), left_out)


def _opened(file: _File, left_out: list[str]) -> Iterator[_File]:
    """The file, or what a zip in the download holds."""
    if not file.path.casefold().endswith(".zip"):
        yield file
    elif file.size > LARGEST:
        left_out.append(f"left out: {file.path!r} has {file.size / 2**20:.0f} MB")
    else:
        try:
            inner = io.BytesIO(file.content())
            yield from _zipped(inner, file.path, f"{file.path[:-4]}/", file.when, left_out)
        except ValueError as error:  # one student's; the rest goes on
            left_out.append(f"left out: {error}")


def _zipped(
    source: Path | io.BytesIO, called: str, before: str, when: datetime, left_out: list[str]
) -> Iterator[_File]:
    """The files of a zip; zips in zips are opened once. Raises ValueError for one that is damaged or encrypted."""
    for entry in _readable(called, lambda: zipfile.ZipFile(source).infolist()):
        path = entry.filename.replace("\\", "/")
        if entry.is_dir() or _clutter(path):
            continue
        if entry.flag_bits & 1:
            raise ValueError(f"{called!r} is encrypted: unpack it first")
        try:
            dated = datetime(*entry.date_time).astimezone(UTC)
        except ValueError:  # some programs write no date
            dated = when
        content = partial(_readable, called, partial(_unzipped, source, entry))
        file = _File(before + path, dated, entry.file_size, content)
        yield from [file] if before else _opened(file, left_out)


def _unzipped(source: Path | io.BytesIO, entry: zipfile.ZipInfo) -> bytes:
    with zipfile.ZipFile(source) as archive:
        return archive.read(entry)


def _readable(called: str, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{called!r} is neither a folder nor a zip that can be read: {error}") from None


def _clutter(path: str) -> bool:
    """Files that systems and Jupyter create on their own: nobody handed them in."""
    return any(part.startswith("._") or part in _CLUTTER for part in PurePosixPath(path).parts)


_CLUTTER = ("__MACOSX", ".DS_Store", ".ipynb_checkpoints", "Thumbs.db", "desktop.ini")
