"""The tree over the log, what is signed, and with which key."""
