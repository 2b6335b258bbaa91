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
    return combined
