"""Does a model fit, where, at what speed, for how many people, at what cost: arithmetic over facts, without I/O.

`placing.py` says what is placed where; `memory.py`, `speed.py` and `cost.py` do one sum each and show it; `plan.py`
puts them together; `deck.py` holds the printed figures of a document against them.
"""
