"""Fakes that stand for our own ports, and for model hosts over real HTTP."""
