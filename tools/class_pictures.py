"""Takes the pictures of chapters/exercises/README.md again: an invented class walks from release to export."""

import csv
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from html import escape
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from inception_edu.data.files import write_whole  # noqa: E402
from inception_edu.show.html import table  # noqa: E402
from tools.jupyterlab import few_colours, jupyterlab  # noqa: E402

CHAPTER, EXERCISE = "03_one_by_one", "3 · A fair control"
NAMES = ["Amara Osei", "Ben Fischer", "Chiara Rossi", "Dev Patel", "Elif Kaya", "Farid Haddad"]
UNPADDED = '''\
def control(channels, squeeze, out):
    """A plain 3x3 and its ReLU at the price of a squeezed one: (N, channels, H, W) -> (N, as many as fit, H, W)."""
    price = channels * squeeze + 9 * squeeze * out
    return nn.Sequential(nn.Conv2d(channels, price // (9 * channels), 3), nn.ReLU())
'''
ENDLESS = """\
def control(channels, squeeze, out):
    width = out
    while 9 * channels * width != channels * squeeze + 9 * squeeze * out:
        width -= 1
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU())
"""
GUESSED = 'lost_widths = {"1x1": 96, "3x3 reduce": 88, "5x5 reduce": 20, "5x5": 32, "pool proj": 32}'
SHORT, COMMENT = "Nine times fewer weights are nine times fewer MACs.", "Good. When does a 1x1 not pay?"
LONGER = (
    "At equal channels a 1x1 does have a ninth of the weights. It saves because the 3x3 after it reads fewer channels: "
    "from 480 to 96, a 3x3 costs 9 · 480 · 96 = 414,720 MACs per position; after a 1x1 to 64 it is 30,720 + 55,296."
)


def hand_in(course: Path, download: Path) -> None:
    """Writes what the students handed in, as Moodle zips it."""
    solved = nbformat.read(course / "source" / CHAPTER / "exercises.ipynb", as_version=4)
    right = {cell.id: re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", cell.source) for cell in solved.cells}
    some = {name: right[name] for name in ("lost_widths", "one_from_two", "unread", "wide_trunk")}
    unpadded, endless = {"control": UNPADDED, "why_cheap": LONGER}, {"control": ENDLESS, "why_cheap": SHORT}
    answers = [right, some | unpadded, {"lost_widths": GUESSED}, some | endless, {"why_cheap": SHORT}]
    with zipfile.ZipFile(download, "w") as archive:
        for number, given in enumerate(answers):
            notebook = nbformat.read(course / "release" / CHAPTER / "exercises.ipynb", as_version=4)
            notebook.cells = [cell for cell in notebook.cells if number != 2 or cell.id != "unread-check"]
            for cell in notebook.cells:
                cell.source = given.get(cell.id, cell.source)
            folder = f"{NAMES[number]}_{1041 + number}_assignsubmission_file"
            archive.writestr(f"{folder}/exercises.ipynb", nbformat.writes(notebook))
        archive.writestr(f"{folder}/notes.pdf", "")


def make(home: Path, command: str, more: str = "CHAPTER=03") -> str:
    """Runs `make classroom-COMMAND` with this Python; returns what a terminal shows, with `~` for the home."""
    words = f"classroom-{command} COURSE=~/course {more}"
    here = ["--no-print-directory", "-o", f"{sys.prefix}/.teach", f"VENV={sys.prefix}"]
    environment = os.environ | {"HOME": str(home)}
    run = subprocess.run(["make", *here, *words.split()], cwd=ROOT, env=environment, capture_output=True, check=False)
    if run.returncode:
        raise RuntimeError(f"make {words} ended in an error: {run.stderr.decode()}")
    shown = re.sub(r"[^\n]*\r(?=[^\n])", "", (run.stderr + run.stdout).decode())  # the last of a progress bar
    return f"$ make {words}\n{shown}".replace(str(home), "~").strip()


def keep(name: str, shot: bytes) -> None:
    """Keeps a screenshot as assets/classroom/NAME.png."""
    print(f"wrote {write_whole(ROOT / 'assets' / 'classroom' / f'{name}.png', few_colours(shot))}")


def keep_from(page: Page, name: str, heading: str, above: int = 12) -> None:
    """Keeps a page from a heading on, with some pixels above it."""
    top = f"each => {{ each.style.scrollMarginTop = '{above}px'; each.scrollIntoView() }}"
    page.get_by_role("heading", name=heading).evaluate(top)
    keep(name, page.screenshot())


def keep_ours(page: Page, name: str, body: str, style: str) -> None:
    """Keeps a page that we write."""
    page.set_content(f"<!DOCTYPE html><style>body {{ margin: 0; padding: 14px 18px; {style} }}</style>{body}")
    keep(name, page.locator("body").screenshot())


def terminal(page: Page, name: str, text: str) -> None:
    """Keeps what a terminal shows."""
    keep_ours(page, name, escape(text), "background: #15191f; color: #eee; font: 14px/1.45 monospace; white-space: pre")


def spreadsheet(page: Page, name: str, path: Path, left: tuple[int, ...]) -> None:
    """Keeps a CSV as a table; `left` are the columns of words."""
    heads, *rows = csv.reader(path.read_text("utf-8-sig").splitlines())
    style = "font: 13px sans-serif } table { border-collapse: collapse } thead { background: #eee }"
    style += "th, td { border: 1px solid #bbb; padding: 3px 7px; text-align: right; font-weight: normal"
    keep_ours(page, name, table(heads, rows, left=left), style)


def main(home: Path) -> None:
    """Walks the whole way and takes every picture."""
    course, downloads, labs = home / "course", home / "Downloads", home / "config" / "labconfig"
    downloads.mkdir()
    labs.mkdir(parents=True)
    make(home, "release")
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text().replace("cell_seconds=60", "cell_seconds=10"))
    (course / "roster.csv").write_text("\n".join(["id,name", *(f"{each.split()[0].lower()},{each}" for each in NAMES)]))
    hand_in(course, downloads / "submissions.zip")
    (labs / "page_config.json").write_text(  # students do not have nbgrader's menus
        '{"disabledExtensions": {"@jupyter/nbgrader": true}}'
    )
    with jupyterlab(home) as lab:
        page = lab.page
        page.set_viewport_size({"width": 1100, "height": 760})
        lab.open(f"release/{CHAPTER}/exercises.ipynb")
        lab.command("application:toggle-left-area")
        keep_from(page, "release", EXERCISE)
        terminal(page, "collect", make(home, "collect", "CHAPTER=03 FROM=~/Downloads/submissions.zip"))
        terminal(page, "grade", make(home, "grade"))
        spreadsheet(page, "exercises", course / f"exercises_{CHAPTER}.csv", (0, 5))
        with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            essays = {each.student.id: each.id for each in gradebook.notebook_submissions("exercises", CHAPTER)}
        for student, points in {"amara": 4, "dev": 1, "elif": 1, "ben": 3}.items():
            page.goto(f"{lab.address}/formgrader/submissions/{essays[student]}/", wait_until="networkidle")
            for field, value in (("", str(points)), ("-comment", COMMENT))[: 2 if student == "ben" else 1]:
                page.locator(f"#why_cheap{field}").fill(value)
                with page.expect_response("**/formgrader/api/**"):  # leaving a field saves it
                    page.locator(f"#why_cheap{field}").blur()
        page.wait_for_function("$(':animated').length === 0")  # it scrolls by itself
        keep_from(page, "by_hand", "6 · Explain it to a friend", above=64)
        make(home, "feedback")
        page.goto((course / "feedback" / "ben" / CHAPTER / "exercises.html").as_uri())
        keep_from(page, "feedback", EXERCISE)
        make(home, "export", "")
        spreadsheet(page, "export", course / "grades.csv", (0, 2, 3, 4, 5))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
