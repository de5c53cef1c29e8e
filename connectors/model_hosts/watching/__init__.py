"""Which hosts there are and how they are: found on loopback, looked at once, watched."""
