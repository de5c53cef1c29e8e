"""Machines that Cloister speaks to; no connector knows another."""
