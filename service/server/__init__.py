"""uvicorn's HTTP protocol with bounds; api and trainer share it, so it knows nothing else of the service."""
