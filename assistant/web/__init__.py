"""The doors into Cloister that a browser uses: sign-in, health and the chat page."""
