"""The desk of compliance: what the guard held back, cases, samples, and unmasking with a second person."""
