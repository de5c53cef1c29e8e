"""Fill in the middle: a gap in a file becomes a prompt, fits a window, and its filling ends where it should."""
