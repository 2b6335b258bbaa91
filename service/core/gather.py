"""Read single rows of several tables in one statement."""

from typing import Any

from sqlalchemy import Select, literal, select, true
from sqlalchemy.orm import aliased


def first_of_each(*queries: Select[Any]) -> Select[Any]:
    """Combine queries of one entity each; the result's one row has the first object of each query, or None.

    Combine queries with bind parameters once and execute the result often: building a statement costs more
    than running it.
    """
    found = [aliased(query.column_descriptions[0]["entity"], query.limit(1).subquery()) for query in queries]
    combined = select(*found).select_from(select(literal(1)).subquery())
    for entity in found:
        combined = combined.outerjoin(entity, true())
    # Compiled now, which makes the columns of its parts: threads that ran a new statement at once could each
    # make their own, and then not find them in the row (https://github.com/sqlalchemy/sqlalchemy/issues/12302).
    combined.compile()
    return combined
