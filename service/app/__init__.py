"""The HTTP service."""

from service.app.factory import create_app

__all__ = ["create_app"]
