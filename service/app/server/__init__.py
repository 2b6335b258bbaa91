"""The HTTP server: uvicorn with a protocol that bounds what a connection may send."""
