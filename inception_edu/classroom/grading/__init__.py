"""From a handed-in notebook to a mark: collect, repair, run in a sandbox, mark outside of it, record."""
