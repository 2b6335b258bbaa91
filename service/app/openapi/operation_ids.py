"""Operation ids such as `jobs_create`, from which generators name methods.

An id is the path's fixed words without `v1` and `fine_tuning`, then a verb: the first word of the route's
function if it is one of `_VERBS`, else `retrieve` for GET. A path that ends in a verb has none
(`/jobs/{job_id}/cancel` is `jobs_cancel`).
"""

from fastapi.routing import APIRoute

_VERBS = {
    "create": "create",
    "add": "create",
    "list": "list",
    "retrieve": "retrieve",
    "update": "update",
    "rename": "update",
    "delete": "delete",
    "remove": "delete",
    "put": "set",
    "set": "set",
    "resolve": "resolve",
    "receive": "receive",
}
_SILENT = ("v1", "fine_tuning")
_ALONE = ("/healthz", "/readyz", "/status", "/metrics")


def operation_id(route: APIRoute) -> str:
    """Return the operation id of a route with one method."""
    path = route.path_format
    if path in _ALONE:
        return path.removeprefix("/")
    words = [word for word in path.split("/") if word and not word.startswith("{") and word not in _SILENT]
    verb = _VERBS.get(route.name.partition("_")[0], "retrieve" if "GET" in (route.methods or ()) else "")
    return "_".join([*words, verb] if verb else words)
