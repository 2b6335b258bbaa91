"""Contents derived from other contents by splitting, converting or cleaning, across all uploads of them."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

# A derived file has no content until a worker has filled it.
_FILLED = "o.sha256 NOT LIKE 'none-%'"
_MADE_FROM = text(f"""
    WITH RECURSIVE reached AS (
        SELECT CAST(:sha256 AS text) AS sha256
        UNION
        SELECT o.sha256 FROM reached r
        JOIN files f ON f.team_id = :team_id AND f.sha256 = r.sha256
        JOIN derivations d ON d.team_id = :team_id AND d.source_id = f.id
        JOIN files o ON o.id = ANY(d.output_ids) AND o.team_id = :team_id
        WHERE {_FILLED}
    )
    SELECT f.id FROM reached r JOIN files f ON f.team_id = :team_id AND f.sha256 = r.sha256
    WHERE r.sha256 <> :sha256 ORDER BY f.created_at, f.id
""")  # noqa: S608 - constants of this module
_ANY = text("SELECT EXISTS (SELECT FROM derivations WHERE team_id = :team_id)")
_SOURCES = text("""
    WITH RECURSIVE up AS (
        SELECT unnest(string_to_array(:hashes, ' ')) AS source, CAST(NULL AS text) AS output,
               CAST(NULL AS text) AS source_id
        UNION
        SELECT s.sha256, o.sha256, s.id FROM up
        JOIN files o ON o.team_id = :team_id AND o.sha256 = up.source
        JOIN derivations d ON d.team_id = :team_id AND d.output_ids @> ARRAY[o.id]
        JOIN files s ON s.id = d.source_id AND s.team_id = :team_id
    )
    SELECT DISTINCT source, output, source_id FROM up WHERE source <> output ORDER BY 1, 2, 3 LIMIT :most
""")
_MOST = 1000


class DerivedContent(NamedTuple):
    """The content `output`, derived from `source`; both are hashes. `source_id` is a file with the source."""

    source: str
    output: str
    source_id: str


def files_made_from(session: Session, team_id: str, sha256: str) -> Sequence[str]:
    """The team's files derived from this content in any number of steps, oldest first."""
    return session.scalars(_MADE_FROM, {"team_id": team_id, "sha256": sha256}).all()


def sources_of(session: Session, team_id: str, hashes: Collection[str]) -> list[DerivedContent]:
    """The contents that these were derived from, directly or not; at most 1,000 steps."""
    if not hashes or not session.scalar(_ANY, {"team_id": team_id}):
        return []
    found = session.execute(_SOURCES, {"team_id": team_id, "hashes": " ".join(hashes), "most": _MOST})
    return [DerivedContent(*row) for row in found]
