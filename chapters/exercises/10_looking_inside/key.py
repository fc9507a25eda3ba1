"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from pathlib import Path

import torch
from torch.nn import functional as F

from inception_edu.classroom import sealing
from inception_edu.classroom.keys import Answer, Computes, Designs

given = sealing.given(Path(__file__).with_name("exercises.ipynb"))


def maps(height, width, seed):
    """Class maps among the arguments of a function."""
    return {"tensor": (10, height, width), "seed": seed}


def around(maps, label, divisor, exchanged=False):
    """The ring of `astray` with a `divisor`, or with row and column exchanged."""
    place = divmod(int(maps[label].argmax()), divisor)
    return [8 * each + 6 for each in (place[::-1] if exchanged else place)]


def attacked(size, limit=True):
    """The experiments of `three_reports` with a repair that divides by another `size`, or makes the steps shorter."""

    def attack(net, images, labels, radius, steps, decay=0.9):
        was = net.training
        net.eval()
        moved, velocity = images, torch.zeros_like(images)
        for _ in range(steps):
            moved = moved.detach().requires_grad_()
            loss = F.cross_entropy(net(moved), labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, moved)
            velocity = decay * velocity + gradient / size(gradient.abs())
            change = moved + (1 + limit) * radius / steps * velocity.sign() - images
            moved = (images + change.clamp(-radius, radius)).clamp(-1, 1)
        net.train(was)
        return moved.detach()

    return lambda what, seed: given.experiment(attack, what, seed)


def explained(weights, cut=lambda parts: parts.sum(1).relu(), logits=lambda made, label: made[:, label]):
    """The maps of `gradient_map` for someone who makes other weights of a gradient, or cuts off elsewhere."""

    def gradient_map(head, features, label):
        features = features.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(logits(head(features), label).sum(), features)
        return cut(weights(gradient) * features)

    return lambda *settings: given.explained(gradient_map, *settings)


def whole(gradient):
    """The weights as they should be: the mean over the positions."""
    return gradient.mean((2, 3), keepdim=True)


KEY = {
    "brightest": Answer(
        points=5,
        slips={
            "boot": {
                7.75: "This is the logit without its bias.",
                35: "This is the sum of the four places: what does the head do with them?",
                32: "This adds the four places up before the bias comes: the head takes their mean.",
            },
            "sandal": {
                5.5: "This is the logit without its bias.",
                30: "This is the sum of the four places: what does the head do with them?",
                24: "This adds the four places up before the bias comes: the head takes their mean.",
                14.5: "This adds what speaks against the sandal: look at the sign of its second weight.",
            },
            "highest": {
                "top right": "There the boot is furthest ahead of the sandal. Its own map is higher somewhere else.",
            },
            "decides": {
                "top left": "There the boot's map is highest. And the sandal's? Work out both logits without it.",
                "bottom left": "Work out both logits without that place: which is larger?",
                "bottom right": "Work out both logits without that place: which is larger?",
            },
            "lead": {
                1.25: "This is the lead in the picture as it is.",
                2.75: "This sets the biases to 0 there as well: only the maps are 0, so what does each class keep?",
                -2.25: "This is the lead without the place that decides.",
                10: "This is a sum over the four places: what does the head do with them?",
            },
        },
        ask="Write down three rows of four numbers: the boot's map, the sandal's map, and their difference.",
        twin="Try it with hint 2 first: a is 1 ahead, -1 without its second place, and 3 without its first.",
    ),
    "three_reports": Computes(
        points=8,
        shown=[[what, 0] for what in ("company", "steps", "clean", "whole")],
        hidden=[[what, 10] for what in ("company", "steps", "clean", "whole")],
        slips={
            "All three experiments are right, but the steps are shorter now: how long should each be?": attacked(
                lambda size: size.mean((1, 2, 3), keepdim=True), limit=False
            ),
            "All three experiments are right, but here each pixel's gradient is divided by its own size. Over what "
            "should the mean go?": attacked(lambda size: size.mean(1, keepdim=True)),
            "All three experiments are right, but the gradients are not divided by their mean any more, so the largest "
            "one decides the sum.": attacked(torch.ones_like),
        },
        ask={
            "company": "Which line makes one number from the whole batch?",
            "steps": "The change may be at most the radius: the change from where?",
            "clean": "In which mode does the network compute, and in which mode was it before the attack?",
            "whole": "Read the docstring again: what does it say about the mean, the sum, each step and the range?",
        },
    ),
    "rigged": Computes(
        points=6,
        shown=[["rules", 0], ["map", 0], ["point", 0]],
        hidden=[["rules", 2000], ["map", 2000], ["point", 2000]],
        ask={
            "rules": "Print the label and the probability of each of your nine pictures.",
            "map": "Look at `picture(rig, 0)`, and print each picture's logit for the class that is asked for.",
            "point": "Where `point` misses, print all ten maps: which class is highest in the cell that it tells?",
        },
    ),
    "astray": Computes(
        points=2,
        shown=[(maps(10, 17, seed=0), 0), (maps(3, 3, seed=1), 4), (maps(10, 17, seed=2), 7)],
        hidden=[(maps(17, 10, seed=3), 9), (maps(4, 30, seed=4), 2), (maps(5, 5, seed=5), 3)],
        partial=False,
        slips={
            "Only the canvas of the chapter is right now: which number should come from the map?": lambda m, label: (
                around(m, label, 17 if m.shape[2] == 17 else m.shape[1])
            ),
            "Right for every map with 17 columns. And for the others?": lambda m, label: around(m, label, 17),
            "Rows and columns are exchanged.": lambda m, label: around(m, label, m.shape[2], exchanged=True),
        },
        ask="Which number does argmax give to the first position of the second row?",
    ),
    "gradient_map": Computes(
        points=4,
        shown=[("mean", 0, 0), ("two layers", 1, 1), ("strongest", 2, 2), ("conv", 0, 3)],
        hidden=[("mean", 2, 4), ("two layers", 0, 5), ("strongest", 1, 6), ("conv", 2, 7)],
        slips={
            "These maps are 16 times too large: what is to be taken over the 16 positions?": explained(
                lambda gradient: gradient.sum((2, 3), keepdim=True)
            ),
            "Here each position is multiplied by its own gradient. A map has one weight.": explained(
                lambda gradient: gradient
            ),
            "Negative values are cut off map by map here: sum first.": explained(
                whole, lambda parts: parts.relu().sum(1)
            ),
            "There are values below 0.": explained(whole, lambda parts: parts.sum(1)),
            "This is the mean over the maps: the sum is asked for.": explained(
                whole, lambda parts: parts.mean(1).relu()
            ),
            "All images have the weights of the first one here.": explained(lambda gradient: whole(gradient)[:1]),
            "These weights are a mean over the images, too.": explained(
                lambda gradient: whole(gradient).mean(0, keepdim=True)
            ),
            "This is divided by the number of images. Does the gradient of one image depend on the others?": explained(
                lambda gradient: whole(gradient) / len(gradient)
            ),
            "This follows the logits of all classes, and not the one of the class that is asked for.": explained(
                whole, logits=lambda made, label: made
            ),
            "This follows a probability: the gradient of the logit is asked for.": explained(
                whole, logits=lambda made, label: made.softmax(1)[:, label]
            ),
        },
        ask="Compare with the class map for the head 'mean', whose linear layer you can look at.",
    ),
    "peeking": Answer(
        points=4,
        digits=4,
        slips={
            "stops": {
                3: "This takes 2 for t. With three pairs it is 4.3.",
                7: "Look closely: with seven networks 0 is still inside, by a little.",
                10: "This is when it was planned to look. When would the impatient one have stopped?",
            },
            "half": {
                2.390310: "This is half the width with all ten.",
                0.806987: "This is the standard error: by which number is it still to be multiplied?",
                1.613973: "This takes 2 for t, which is right for many pairs.",
                1.860911: "This is t for nine pairs: the list begins with two.",
                3.817047: "This is the whole width.",
                1.785260: "This divides by n inside the spread; `stdev` divides by n - 1.",
                5.398119: "This is t times the spread of single differences. How sure is their mean?",
            },
            "alarms": {
                "A": "This is the chance at a single look. How many looks are there?",
                "B": "This is about what two or three looks give.",
                "D": "This is about nine times 5. But looks at nearly the same data mostly find the same.",
            },
            "sentence": {
                "A": "How often does this way of looking find a difference where there is none?",
                "C": "With seven the interval contains 0. Does it contain nothing else?",
                "D": "Look at the sign of each of the ten differences.",
            },
        },
        ask="None of the usual mistakes: print mean and half the width for 2, 3, ... 10 networks.",
    ),
    "short_sighted": Designs(
        points=5,
        shape=(1, 28, 28),
        output=(10, 7, 7),
        most={"receptive field": 15, "parameters": 150_000, "MACs": 10_000_000},
        least={"convolutions in a row": 10, "branches": 3},
    ),
}
