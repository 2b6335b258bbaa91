"""Add the names of teams, keys and departments to the rows of a report."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.ledger.departments.tables import Department
from service.teams.keys.tables import ApiKey
from service.teams.tables import Team

Named = Team | ApiKey | Department

_NAMED: Mapping[str, tuple[str, type[Named]]] = {
    "team_id": ("team_name", Team),
    "key_id": ("key_name", ApiKey),
    "department_id": ("department_name", Department),
}


def names_of(session: Session, table: type[Named], ids: Iterable[str | None]) -> Mapping[str | None, str]:
    """Return the names of these teams, keys or departments by their ids. Unknown ids are left out."""
    wanted = {one for one in ids if one is not None}
    return dict(session.execute(select(table.id, table.name).where(table.id.in_(wanted))).all())


def add_names(
    session: Session, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns and rows with a name after each id. Unknown ids get the name None."""
    wide: list[str] = []
    found = [dict(row) for row in rows]
    for column in columns:
        wide.append(column)
        if column in _NAMED:
            name, table = _NAMED[column]
            wide.append(name)
            names = names_of(session, table, (row[column] for row in found))
            for row in found:
                row[name] = names.get(row[column])
    return wide, found
