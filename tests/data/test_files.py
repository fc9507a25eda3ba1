"""A file is there whole or not at all, and to find one nothing heavy is imported."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inception_edu import data
from inception_edu.data.files import write_whole


def test_to_find_a_file_nothing_heavy_is_imported():
    code = "import sys; from inception_edu.data.files import asset; print(asset('claims.json')); print(*sys.modules)"
    found, loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert Path(found).is_file()
    assert "inception_edu.data.files" in loaded.split()
    assert not {"torch", "numpy", "PIL", "matplotlib"} & set(loaded.split())


def test_the_room_of_data_has_a_sentence_on_its_door_and_nothing_else():
    tree = ast.parse(Path(data.__file__).read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


def test_writes_text_and_bytes(tmp_path):
    assert write_whole(tmp_path / "a.svg", "größer").read_text(encoding="utf-8") == "größer"
    assert write_whole(tmp_path / "b", b"\x00\x01").read_bytes() == b"\x00\x01"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = write_whole(tmp_path / "kept.txt", "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["kept.txt"]


def test_permissions_are_those_of_an_ordinary_new_file(tmp_path):
    (tmp_path / "plain").write_text("x", encoding="utf-8")
    written = write_whole(tmp_path / "whole", "x")
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode
