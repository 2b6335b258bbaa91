"""Events delivered to teams' endpoints."""
