"""Routes for admin keys, wire-compatible with OpenAI's."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from service.core.clock import now
from service.core.http.pages import ListOut, Order, list_out
from service.core.http.web import RequestSession
from service.errors import NotFound
from service.teams.access import Admin
from service.teams.admin_keys.schemas import (
    AdminKeyCreate,
    AdminKeyDeleted,
    AdminKeyOut,
    AdminKeyWithValue,
    admin_key_out,
)
from service.teams.idempotency import IdempotentRoute
from service.teams.keys import actions, queries
from service.teams.keys.tables import ApiKey

router = APIRouter(prefix="/v1/organization/admin_api_keys", tags=["admin keys"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


@router.post("")
def create_admin_key(body: AdminKeyCreate, session: RequestSession, caller: Admin) -> AdminKeyWithValue:
    """Create an admin key; only this answer shows its value. It cannot outlive the key that creates it."""
    lasting = body.expires_in_seconds
    key, value = actions.create_key(
        session,
        team=None,
        name=body.name,
        scopes=[],
        expires_at=now() + timedelta(seconds=lasting) if lasting else None,
        maker=actions.locked(session, caller.key_id),
        created_by=caller.key_id,
    )
    return AdminKeyWithValue(**admin_key_out(key).model_dump(), value=value)


@router.get("")
def list_admin_keys(
    session: RequestSession,
    _: Admin,
    after: str | None = None,
    limit: Limit = 20,
    order: Order = "desc",
) -> ListOut[AdminKeyOut]:
    """List the admin keys that are not revoked. The key in TUNEHOUSE_ADMIN_KEY is not listed."""
    page = queries.list_admin_keys(session, after, limit, order)
    return list_out([admin_key_out(key) for key in page.rows], page.has_more)


@router.get("/{key_id}")
def retrieve_admin_key(key_id: str, session: RequestSession, _: Admin) -> AdminKeyOut:
    """Get an admin key."""
    return admin_key_out(_living(session, key_id))


@router.delete("/{key_id}")
def delete_admin_key(key_id: str, session: RequestSession, _: Admin) -> AdminKeyDeleted:
    """Revoke an admin key; it stops working at once."""
    actions.revoke_key(session, _living(session, key_id, lock=True))
    return AdminKeyDeleted(id=key_id)


def _living(session: Session, key_id: str, *, lock: bool = False) -> ApiKey:
    key = queries.get_key(session, None, key_id, lock=lock)
    if key.revoked_at is not None:
        raise NotFound(f"There is no key {key_id!r}.", param="key_id")
    return key
