"""The place where a trained transformer stores its facts: attention or MLP."""
