"""Memories whose embeddings are trained along with their weights."""
