"""A labelled corpus for the guard: secrets, personal data, near misses, disguises and benign text, made by seed.

Its author wrote it from vendors' and standards' published formats and had not read the guard's rules, so that the
scorer (`tests/benchmarks/guard_corpus.py`) measures how far the rules generalise, not how well they remember.
Every value is random; nothing here ever opened a door.
"""
