"""The audit log: what happened, as metadata that nobody can change in place, durable before anything goes on."""
