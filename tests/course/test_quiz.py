"""Questions, their mistakes and the table of feedback."""

import pytest

from inception_edu.course.quiz import Diagnosis, Question

WEIGHTS = Question("Weights?", 153_600, {800: "leaves out the input channels"}, "MACs")
NATS = Question("Loss?", 2.3026, {3.3219: "is in bits"}, "Entropy", tolerance=0.01)


def test_feedback_names_the_mistake_and_never_the_answer():
    assert WEIGHTS.feedback(None) == "not answered yet"
    assert WEIGHTS.feedback(153_600) == "right"
    assert WEIGHTS.feedback(800) == "not quite: 800 leaves out the input channels"
    assert WEIGHTS.feedback(7) == "no: read “MACs” below and try once more"
    assert NATS.feedback(2.3) == "right"
    assert NATS.feedback(3.32) == "not quite: 3.32 is in bits"
    assert not any("153" in WEIGHTS.feedback(wrong) for wrong in (None, 800, 7))


def test_mistakes_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="5 means two different answers"):
        Question("?", 5, {5.0: "is the answer"}, "x")
    with pytest.raises(ValueError, match="two different answers"):
        Question("?", 1, {100: "a", 100.5: "b"}, "x", tolerance=0.01)


def test_a_diagnosis_says_what_to_read():
    diagnosis = Diagnosis({"weights": WEIGHTS, "loss": NATS}, {"weights": 153_600, "loss": None})
    assert diagnosis.to_read == ["Entropy"]
    assert str(diagnosis).splitlines() == ["weights: right", "loss: not answered yet", "1 right"]
    assert "Primers worth a minute: Entropy." in diagnosis._repr_html_()
    assert Diagnosis({"weights": WEIGHTS}, {"weights": 153_600}).to_read == []
    with pytest.raises(ValueError, match="there is no question 'wieghts'; there are weights"):
        Diagnosis({"weights": WEIGHTS}, {"wieghts": 1})
