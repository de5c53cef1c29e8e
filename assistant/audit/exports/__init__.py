"""Events as a file that an outsider checks without Cloister."""
