"""The links beside every page, which differ by what the caller may see."""

from dataclasses import dataclass

from service.teams.access import Caller
from service.teams.keys.scopes import Scope


@dataclass(frozen=True)
class Link:
    """An entry; `is_here` if the page is the entry's or lies below it."""

    href: str
    name: str
    icon: str
    is_here: bool = False


@dataclass(frozen=True)
class Group:
    """Entries under a heading."""

    title: str
    links: tuple[Link, ...]


_WORK = (
    Link("/datasets", "Datasets", "data"),
    Link("/jobs", "Jobs", "jobs"),
    Link("/models", "Models", "models"),
    Link("/shutdowns", "Shutdowns", "clock"),
)
_MONEY = (Link("/costs", "Costs", "costs"), Link("/statements", "Statements", "bill"))
_BUDGET = Link("/budget", "Budget", "budget")
_TEAM = Link("/team", "Team", "team")
_ADMIN = (
    Link("/admin/status", "Status", "status"),
    Link("/admin/providers", "Providers", "providers"),
    Link("/admin/work", "Work", "work"),
    Link("/admin/teams", "Teams", "teams"),
)


def navigation(caller: Caller, path: str) -> list[Group]:
    """Return the groups of links for this caller."""
    home = Link("/", "Home", "home")
    groups: list[tuple[str, tuple[Link, ...]]] = []
    if caller.team_id is not None:
        groups.append(("Work", (home, *_WORK)))
        groups.append(("Money", (*_MONEY, _BUDGET)))
    else:
        groups.append(("Money", (home, *_MONEY)))
    if caller.team_id is not None and Scope.MANAGE in caller.scopes:
        groups.append(("Team", (_TEAM,)))
    if caller.is_admin:
        groups.append(("Service", _ADMIN))
    return [Group(title, tuple(_marked(link, path) for link in links)) for title, links in groups]


def _marked(link: Link, path: str) -> Link:
    is_here = path == link.href or (link.href != "/" and path.startswith(f"{link.href}/"))
    return Link(link.href, link.name, link.icon, is_here)
