"""The images and texts of the course, a reader's own images, and the files they come from."""
