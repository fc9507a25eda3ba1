"""Training: the loop of the chapters, the papers' recipes, and long runs on any images."""
