"""Memories and transformers that store facts of the world."""
