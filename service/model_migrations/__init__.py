"""Move tuned models off a base, a provider, or a date: plan, confirm, retrain, compare, switch."""
