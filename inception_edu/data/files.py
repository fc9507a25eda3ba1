"""Files: where the course's own are, and how to write one whole or not at all."""

import os
import tempfile
from pathlib import Path


def asset(name: str) -> Path:
    """The path of a file that ships with the course: in the installed package, or next to it in a checkout.

    Raises FileNotFoundError, naming both places, if neither has it.
    """
    package = Path(__file__).resolve().parents[1]
    places = package / "_assets" / name, package.parent / "assets" / name
    for path in places:
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is neither at {places[0]} nor at {places[1]}: the installation is incomplete")


def write_whole(path: str | Path, content: str | bytes) -> Path:
    """Writes `content` to `path` through a temporary file next to it, so that no reader ever sees half a file.

    Raises OSError (no such folder, no right to write, disk full) and then leaves an older file unchanged.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path
