"""What administrators do with the model hosts: `maintenance.py` takes orders, `caretaker.py` carries them out."""
