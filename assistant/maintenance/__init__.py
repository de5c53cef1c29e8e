"""What administrators do with the model hosts.

`maintenance.py` takes orders, `caretaker.py` carries them out, `ending.py` has the end of each in the audit log, also
of those that a command carries out.
"""
