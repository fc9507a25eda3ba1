"""What only chapters use: recorded experiments, the budget challenge, quizzes, claims and differing sources."""
