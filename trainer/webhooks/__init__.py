"""Webhooks about ended jobs: queued in the transaction that ends the job, sent until a 2xx."""
