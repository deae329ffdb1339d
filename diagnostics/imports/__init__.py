"""Figures from the files that people download: opened as a stream, known by their head, kept for one territoire."""
