"""The sandbox engine: training is simulated, and tuned models recall the answers of their training files."""
