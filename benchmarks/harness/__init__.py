"""The parts of `benchmarks.gateway`."""
