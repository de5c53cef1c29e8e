"""Checkpoints that lie elsewhere, and what they say of the log together."""
