"""Facts that memories store over embeddings that are not random."""

PLANS = {"embedding_geometry": "plan", "real_embeddings": "plan"}
