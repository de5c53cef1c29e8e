"""The machines that run models: which there are, which is right for a prompt, and the way to ask it.

`hosts.py` is the door: `ModelHosts`. Under it `watch.py` knows who is up, `choice.py` chooses, `router.py` carries.
"""
