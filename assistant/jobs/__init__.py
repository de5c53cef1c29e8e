"""Work that takes longer than a few seconds: declared jobs, the rows that are their truth, leases and progress."""
