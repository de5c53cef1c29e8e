"""What may pass: text in, verdict out. Pure and synchronous; no sockets, no files, no clock."""
