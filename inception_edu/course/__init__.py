"""What only chapters use: recorded experiments, the budget challenge, quizzes, the ledger of claims."""
