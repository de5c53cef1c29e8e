"""What the assistant can look up: documents, guarded and split into passages, found by words and by permission."""
