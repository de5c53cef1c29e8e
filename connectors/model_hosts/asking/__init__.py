"""An answer of one deployment: with patience, in pieces, and what went wrong in words."""
