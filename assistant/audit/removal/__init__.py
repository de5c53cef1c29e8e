"""What may leave the log, and the proof that it was allowed."""
