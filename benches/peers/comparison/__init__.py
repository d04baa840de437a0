"""Comparison of betaflow with Python packages that do the same work: `benches/peers/run`."""
