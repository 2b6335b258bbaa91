"""Run all of Tunehouse on one machine: servers from Python wheels, and our own processes."""
