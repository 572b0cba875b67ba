"""A plan at work: launched, divided, watched, stopped and resumed."""
