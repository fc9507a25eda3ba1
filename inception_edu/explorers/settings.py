"""What explorers refuse alike: a number below 1, and a kernel without a middle."""

from collections.abc import Mapping


def at_least_one(settings: Mapping[str, int], *, in_words: bool = True) -> None:
    """Raises ValueError for the first number below 1, by its name: "in channels" for `in_channels`.

    `in_words=False` leaves the name as it is, where a paper writes it so: `n3x3_reduce`.
    """
    for name, value in settings.items():
        if value < 1:
            shown = name.replace("_", " ") if in_words else name
            raise ValueError(f"{shown} is {value}, and must be at least 1")


def centred(kernel: int) -> None:
    """Raises ValueError for an even kernel, which "same" padding cannot centre, and names the two nearest."""
    if kernel % 2 == 0:
        raise ValueError(
            f"a {kernel}x{kernel} kernel has no middle to centre on a position; take {kernel - 1} or {kernel + 1}"
        )
