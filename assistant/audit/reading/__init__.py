"""The log for people: newest events, lists, proofs, samples."""
