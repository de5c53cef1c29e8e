"""The console: what compliance reads of the log, a file a family of pages; loads no model and no chat."""
