"""The worker's step that checks a file, by hand."""

from sqlalchemy import delete

from service.core import work
from service.core.db import transaction
from service.files.actions import CHECK
from service.files.tables import Content, File, FileStatus
from tests.jobs import hands
from worker.run import run_step


def test_a_file_whose_bytes_are_gone_fails_and_is_done_with(database: str) -> None:
    file_id = hands.make_file(hands.make_team())
    with transaction() as session:
        session.execute(delete(Content))
        session.get_one(File, file_id).status = FileStatus.UPLOADED
        work.schedule(session, CHECK, file_id)
    run_step(CHECK, file_id)
    with transaction() as session:
        file = session.get_one(File, file_id)
    assert (file.status, file.status_details) == (
        "error",
        "The content of this file is gone. Upload it again.",
    )
    assert (CHECK, file_id) not in hands.due()
