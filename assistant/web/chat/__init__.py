"""The chat page: Chainlit, hardened; callbacks that decide nothing. Nothing else may import Chainlit."""
