"""Chapter 11's pictures: what they draw is what their descriptions say."""

import re

from inception_edu.course.pictures import beyond_images as pictures
from inception_edu.course.records import by_seed, load_record
from inception_edu.course.scales import MOTIFS


def percent(shares: list[float]) -> int:
    return round(100 * sum(shares) / len(shares))


def test_the_windows_are_around_the_middle_word():
    words = pictures.fields("one two three four five six seven").description
    assert "a sentence of 7 words" in words
    assert words.endswith("centred on “four”.")


def test_only_a_kernel_as_long_as_the_motif_finds_a_faint_one():
    words = pictures.motifs().description
    short_9, short_39, long_9, long_39 = (float(number) for number in re.findall(r"\d\.\d", words))
    assert short_9 == short_39 > 6
    assert long_39 > 4.5 > 3.5 > long_9


def test_a_fitting_kernel_answers_with_the_strength_of_its_motif():
    for motif in (MOTIFS[0], MOTIFS[20]):
        answer = pictures._answers(motif[None], motif)
        assert answer.shape == (1,)
        assert abs(float(answer) - float(motif.norm())) < 1e-4


def test_the_bars_are_the_means_of_the_record():
    record = load_record("11_text")
    words = pictures.text_scores(record).description
    for arm, name in pictures.TEXT_ARMS.items():
        small, large = (percent(by_seed(record, f"{arm}@{size}")) for size in (1000, 3000))
        assert f"{name}, {small} % after 1,000 texts and {large} % after 3,000 texts" in words


def test_the_curves_run_from_the_smallest_size_to_the_largest():
    record = load_record("11_text_curves")
    words = pictures.learning_curves(record, {"words": ("bag", "#0072B2")}).description
    first, last = (percent(by_seed(record, f"words@{size}")) for size in (100, 3000))
    assert f"bag from {first} to {last}." in words
