"""Wire the product: the only place that picks implementations; one file for each thing that is opened."""
