"""How events and their texts become durable, also around a database that is away."""
