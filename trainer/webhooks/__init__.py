"""Signed events about jobs that ended: queued with the job's last change, sent until a 2xx."""
