"""Transformers and linear attention: their losses, training and probes."""
