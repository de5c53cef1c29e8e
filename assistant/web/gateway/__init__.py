"""The OpenAI-compatible door into `run_turn`, for editors and scripts that hold an API token."""
