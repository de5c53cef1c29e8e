"""Which deployment takes a prompt and who waits for it: the choice, the line, what the processes tell each other."""
