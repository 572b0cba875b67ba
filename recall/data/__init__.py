"""Facts and embeddings to store: drawn, or read from files."""
