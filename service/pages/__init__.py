"""The HTTP service with its pages: what people see in a browser.

Pages call the same functions as the API's routes, with the same callers, and have no rules and no SQL of
their own. Every view has an address, every table is also CSV, and every page works without JavaScript.
"""

from service.pages.application import create_app

__all__ = ["create_app"]
