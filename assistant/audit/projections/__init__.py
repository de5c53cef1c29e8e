"""What is derived from sealed events for searches and charts, and can be built anew."""
