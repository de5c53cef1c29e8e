"""How much a person, a group, a token or a persona may use: limits as data, counted in Redis over all processes."""
