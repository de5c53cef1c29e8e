"""What finds: the scan that runs every rule, the checks that a pattern cannot express, and Presidio's frame for both.

`scan` and `checks` import neither Presidio nor spaCy; only `recognizers` does.
"""
