"""Tests of Cloister; a package, so that no installed package called `tests` hides the fakes."""
