"""Fine-tuning jobs: admission, queue, states and what happens at the provider."""
