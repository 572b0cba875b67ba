"""The loss under gradient flow, followed until it is close to zero (Theorem 5)."""
