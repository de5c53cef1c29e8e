"""The policy of a site as files: read, watched while the processes run, and looked at with `cloister policy`."""
