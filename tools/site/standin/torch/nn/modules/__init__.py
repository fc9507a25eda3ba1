"""Where torch keeps its classes."""
