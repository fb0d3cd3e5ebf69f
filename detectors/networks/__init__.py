"""Plain ``nn.Module``s, and the one place that builds them by name."""
