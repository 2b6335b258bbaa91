"""Datasets of teams: files, uploads, reports and copies at providers."""
