"""What is known of hardware, of published models and of forms of weights, with sources."""
