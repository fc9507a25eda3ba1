"""Downloads of learning platforms become folders of students, and nobody is lost on the way."""

import re
import zipfile
from pathlib import Path

import pytest

from inception_edu.classroom.grading.collecting import Roster, collect, owner

ASSIGNMENT = "03_one_by_one"


@pytest.mark.parametrize(
    ("path", "key", "number"),
    [
        ("ada.ipynb", "ada", ""),
        ("ada/exercises.ipynb", "ada", ""),
        ("Ada Lovelace_12345_assignsubmission_file_/exercises.ipynb", "Ada_Lovelace_12345", "12345"),
        ("Ada Lovelace_12345_assignsubmission_file/exercises.ipynb", "Ada_Lovelace_12345", "12345"),
        ("Ada Lovelace_12345_assignsubmission_file_exercises.ipynb", "Ada_Lovelace_12345", "12345"),
        ("lovelaceada_LATE_123_456_exercises-1.ipynb", "lovelaceada_123", "123"),
        ("lovelaceada_123_456_exercises.ipynb", "lovelaceada_123", "123"),
        ("ada@example.org.ipynb", "ada@example.org", ""),
        ("Jose\u0301.ipynb", "José", ""),
        ("Jos\u00e9.ipynb", "José", ""),
        ("नीलम.ipynb", "नीलम", ""),
        ("../../etc/exercises.ipynb", None, ""),
        ("..ipynb", None, ""),
    ],
)
def test_whose_a_downloaded_file_is(path, key, number) -> None:
    found = owner(path)
    assert (found and found.key) == key
    assert not found or found.number == number


def zipped(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def have(submitted: Path) -> dict[str, str]:
    return {path.relative_to(submitted).as_posix(): path.read_text() for path in submitted.rglob("*.ipynb")}


MOODLE = "_assignsubmission_file_"


def test_a_zip_and_a_folder_are_collected_alike(tmp_path) -> None:
    folder, submitted = tmp_path / "downloads", tmp_path / "submitted"
    files = {
        "ada.ipynb": "1",
        "grace/first.ipynb": "2",
        "grace/exercises.ipynb": "3",
        "notes.txt": "4",
        "__MACOSX/._ada.ipynb": "6",
        "._grace.ipynb": "7",
        "alan.IPYNB": "8",
        "mary.ipynb.json": "9",
        "emmy.ipynb.txt": "10",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    zipped(tmp_path / "inner.zip", {"work/exercises.ipynb": "11", "plot.png": "12"})
    (folder / "ruth.zip").write_bytes((tmp_path / "inner.zip").read_bytes())
    everything = {**files, "../evil.ipynb": "5", "ruth.zip": (tmp_path / "inner.zip").read_bytes()}
    for source in (folder, zipped(tmp_path / "downloads.zip", everything)):
        told = collect(source, submitted, ASSIGNMENT)
        assert have(submitted) == {
            f"ada/{ASSIGNMENT}/exercises.ipynb": "1",
            f"grace/{ASSIGNMENT}/first.ipynb": "2",
            f"grace/{ASSIGNMENT}/exercises.ipynb": "3",
            f"alan/{ASSIGNMENT}/exercises.ipynb": "8",
            f"mary/{ASSIGNMENT}/exercises.ipynb": "9",
            f"emmy/{ASSIGNMENT}/exercises.ipynb": "10",
            f"ruth/{ASSIGNMENT}/exercises.ipynb": "11",
        }
        assert told[0] == "ada: ada.ipynb"
        assert "left out: 'notes.txt' of notes is not a notebook" in told
        assert "left out: 'ruth/plot.png' of ruth is not a notebook" in told
        stamp = (submitted / "ada" / ASSIGNMENT / "timestamp.txt").read_text()
        assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\n", stamp)
        assert not list(submitted.glob(".*"))
    assert not (tmp_path / "evil.ipynb").exists()
    assert "left out: '../evil.ipynb' does not name a student" in told


def test_two_students_of_one_name_stay_two(tmp_path) -> None:
    for pattern in ("Ada L_{}_assignsubmission_file_/exercises.ipynb", "adal_{}_77_exercises.ipynb"):
        source = zipped(tmp_path / "a.zip", {pattern.format(number): str(number) for number in (1, 2)})
        collect(source, tmp_path / "submitted", ASSIGNMENT)
    assert sorted(have(tmp_path / "submitted").values()) == ["1", "1", "2", "2"]


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["class/ada.ipynb", "class/grace.ipynb"], {"ada", "grace"}),
        ([f"class/Ada_1{MOODLE}/e.ipynb", f"class/Grace_2{MOODLE}/e.ipynb"], {"Ada_1", "Grace_2"}),
        (["class/ada/exercises.ipynb", "class/grace/exercises.ipynb"], {"ada", "grace"}),
        (["ada/exercises.ipynb"], {"ada"}),
        (["ada/exercises.ipynb", "ada/more.ipynb"], {"ada"}),
        ([f"Ada_1{MOODLE}/e.ipynb"], {"Ada_1"}),
    ],
)
def test_a_folder_around_the_whole_class_is_no_student(tmp_path, names, keys) -> None:
    collect(zipped(tmp_path / "a.zip", dict.fromkeys(names, "1")), tmp_path / "submitted", ASSIGNMENT)
    assert {path.name for path in (tmp_path / "submitted").iterdir()} == keys


def test_a_download_that_cannot_be_read_replaces_nothing(tmp_path) -> None:
    good = zipped(tmp_path / "good.zip", {"ada.ipynb": "1", "grace.ipynb": "2"})
    collect(good, tmp_path / "submitted", ASSIGNMENT)
    before = have(tmp_path / "submitted")
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ada.ipynb", "new" * 1000)
        archive.writestr("grace.ipynb", "new" * 1000)
    content = bytearray(damaged.read_bytes())
    content[50] ^= 0xFF
    damaged.write_bytes(content)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(good.read_bytes()[:60])
    encrypted = zipped(tmp_path / "encrypted.zip", {"ada.ipynb": "3"})
    content = bytearray(encrypted.read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        content[content.index(mark) + (6 if mark[2] == 3 else 8)] |= 1
    encrypted.write_bytes(content)
    for source, why in ((damaged, "zip that can be read"), (cut, "zip that can be read"), (encrypted, "is encrypted")):
        with pytest.raises(ValueError, match=why):
            collect(source, tmp_path / "submitted", ASSIGNMENT)
        assert have(tmp_path / "submitted") == before


def test_a_damaged_zip_of_one_student_and_a_file_without_a_date_stop_no_other(tmp_path) -> None:
    source = tmp_path / "a.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("ada.zip", "no zip")
        archive.writestr("grace.ipynb", "1")
        archive.writestr("Alan_3_assignsubmission_onlinetext_/onlinetext.html", "2")
    content = source.read_bytes()
    for entry in zipfile.ZipFile(source).infolist():  # no date: month and day are zero
        at = content.index(b"PK\x01\x02")
        content = content[: at + 12] + bytes(4) + content[at + 16 :] if entry.filename == "ada.zip" else content
    source.write_bytes(content)
    told = collect(source, tmp_path / "submitted", ASSIGNMENT)
    assert told[0] == "grace: grace.ipynb"
    assert "left out: 'ada.zip' is neither a folder nor a zip that can be read: File is not a zip file" in told
    assert any("onlinetext.html' of Alan_3 is text typed online" in line for line in told)


def test_a_roster_names_students_and_who_is_missing(tmp_path) -> None:
    path = tmp_path / "roster.csv"
    rows = ["ID number,First name,Surname,Email address", "7,Ada,Lovelace,ada@x.org"]
    rows += ["8,José,Pérez,jp@x.org", "9,Emmy,Noether,n@x.org", ""]
    path.write_text("\ufeff" + "\n".join(rows), encoding="utf-8")
    names = [
        f"Ada Lovelace_12{MOODLE}/e.ipynb",
        f"Jose\u0301 Pérez_13{MOODLE}/e.ipynb",
        f"Max Mustermann_14{MOODLE}/e.ipynb",
    ]
    source = zipped(tmp_path / "a.zip", dict.fromkeys(names, "1"))
    told = collect(source, tmp_path / "submitted", ASSIGNMENT, Roster(path))
    assert {path.name for path in (tmp_path / "submitted").iterdir()} == {"7", "8", "Max_Mustermann_14"}
    assert "handed in nothing: 9 (Emmy Noether)" in told
    assert "not in the roster: Max_Mustermann_14" in told
    assert Roster(path).split["8"] == ("José", "Pérez")
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="the columns id and name"):
        Roster(path)
    twice = "id,name\n1,Ada Lovelace\n2,Ada Lovelace\n"
    path.write_text(twice)
    assert Roster(path).known(owner(f"Ada Lovelace_12{MOODLE}/e.ipynb")).key == "Ada_Lovelace_12"


def test_a_name_in_either_order_is_split_and_found(tmp_path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text('id,name\n1,Ada King Lovelace\n2,"Hopper, Grace, Dr."\n3,Plato\n')
    roster = Roster(path)
    assert roster.split == {"1": ("Ada King", "Lovelace"), "2": ("Grace Dr.", "Hopper"), "3": ("", "Plato")}
    assert roster.known(owner(f"Ada King Lovelace_5{MOODLE}/e.ipynb")).key == "1"
    assert roster.known(owner("lovelaceadaking_5_6_e.ipynb")).key == "1"
    path.write_text('id,name\n2,"Hopper, Grace"\n')
    assert Roster(path).known(owner(f"Grace Hopper_7{MOODLE}/e.ipynb")).key == "2"
    assert Roster(path).known(owner("hoppergrace_5_6_e.ipynb")).key == "2"
