"""What leaves the house: a file that checks an export on a machine without Cloister. It imports nothing of ours."""
