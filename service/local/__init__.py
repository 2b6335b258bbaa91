"""Real servers from pip wheels, started and watched on one machine beside our own processes."""
