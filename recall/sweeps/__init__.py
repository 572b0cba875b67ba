"""The engine: lanes in batches that share a program, and searches over sizes."""
