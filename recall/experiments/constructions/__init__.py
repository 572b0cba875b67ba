"""Transformers of explicit weights that recall every fact (Theorems 3 and 4)."""
