"""Sorts downloaded notebooks into a course folder, a folder for each student."""

import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ...data.files import write_whole
from .repair import LARGEST, NOTEBOOK

PATTERNS = (
    r"(?P<student>[^/]+?)_\d+_assignsubmission_file_?/.*",  # Moodle, a folder for each: Ada Lovelace_12345_assign…/
    r"(?P<student>[^/]+?)(_LATE)?_\d+_\d+_[^/]+",  # Canvas: lovelaceada_LATE_123_456_exercises-1.ipynb
    r"(?P<student>[^/]+)/.*",  # a folder for each student
    r"(?P<student>[^/]+)\.ipynb",  # a file for each student
)
"""How a learning platform names what students handed in; the first that fits says who the student is."""


def collect(source: Path, submitted: Path, assignment: str) -> list[str]:
    """Copies the notebooks in a folder or zip to submitted/STUDENT/assignment, with the time of the last.

    What was collected from a student before is replaced. Returns a sentence for each student, and one for whatever
    was left out. Raises ValueError where there is no notebook, or `source` is no zip.
    """
    taken: dict[str, list[_File]] = {}
    left_out = []
    for file in sorted(_notebooks(source), key=lambda file: file.when):
        student = student_of(file.name)
        if student is None or file.size > 2 * LARGEST:
            why = "names no student" if student is None else f"has {file.size / 2**20:.0f} MB"
            left_out.append(f"left out: {file.name!r} {why}")
        else:
            taken.setdefault(student, []).append(file)
    if not taken:
        raise ValueError(f"there is no student's notebook in {source}: names such as STUDENT.ipynb are looked for")
    for student, files in taken.items():
        place = submitted / student / assignment
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for file in files:  # the only one needs no name of its own
            write_whole(place / (NOTEBOOK if len(files) == 1 else PurePosixPath(file.name).name), file.content())
        write_whole(place / "timestamp.txt", f"{files[-1].when:%Y-%m-%d %H:%M:%S} UTC\n")
    told = (f"{student}: {', '.join(file.name for file in taken[student])}" for student in sorted(taken))
    return [*told, *left_out]


def student_of(name: str) -> str | None:
    """Who handed in the file of that name, in letters that a folder's name can hold; None where it does not say."""
    for pattern in PATTERNS:
        if found := re.fullmatch(pattern, name):
            return re.sub(r"[^\w.@-]+", "_", found["student"]).strip("._") or None
    return None


class _File(NamedTuple):
    """A notebook in a folder or zip: its name within, time, size in bytes, and how to get the bytes."""

    name: str
    when: datetime
    size: int
    content: Callable[[], bytes]


def _notebooks(source: Path) -> Iterator[_File]:
    if source.is_dir():
        for path in source.rglob("*.ipynb"):
            if path.is_file() and not path.is_symlink() and ".ipynb_checkpoints" not in path.parts:
                facts = path.stat()
                when = datetime.fromtimestamp(facts.st_mtime, UTC)
                yield _File(path.relative_to(source).as_posix(), when, facts.st_size, path.read_bytes)
        return
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile:
        raise ValueError(f"{source} is neither a folder nor a zip") from None
    with archive:
        for entry in archive.infolist():
            hidden = any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(entry.filename).parts)
            if entry.filename.endswith(".ipynb") and not hidden:
                when = datetime(*entry.date_time).astimezone(UTC)
                yield _File(entry.filename, when, entry.file_size, partial(_unzipped, source, entry))


def _unzipped(source: Path, entry: zipfile.ZipInfo) -> bytes:
    with zipfile.ZipFile(source) as archive:
        return archive.read(entry)
