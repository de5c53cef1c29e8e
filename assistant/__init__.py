"""The product: what happens in one turn, and the doors into it."""
