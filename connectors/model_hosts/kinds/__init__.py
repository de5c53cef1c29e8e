"""What each kind of host offers over its own HTTP: what it has, how it is, how it is asked to fill a gap."""
