"""Data the tests and benchmarks read or make."""
