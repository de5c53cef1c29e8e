"""The `cloister` command: a file a group of commands."""
