"""What every test relies on: one thread, so that sums come out the same everywhere, and patient hypothesis."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)

settings.register_profile(
    "course",
    deadline=None,  # a first call imports torch
    derandomize=True,  # a failure that a reader sees is one that everybody sees
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("course")


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """`golden(name, text)` compares with tests/reference/name; with OVERWRITE_GOLDEN=1 it writes that file anew."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "reference" / name
        if os.environ.get("OVERWRITE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text, f"{name} differs; OVERWRITE_GOLDEN=1 keeps the new one"

    return compare
