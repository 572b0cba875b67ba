"""Explicit weights of one-layer transformers: no training anywhere."""

from recall.constructions.transformers import ask, attention_mlp, attention_only

__all__ = ["ask", "attention_mlp", "attention_only"]
