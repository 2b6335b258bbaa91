"""What is deleted here is deleted at the provider too."""

from openai import OpenAI

from service.core.db import transaction
from service.files.tables import File
from tests.dataset.examples import chats, jsonl
from tests.files.storing import copies_of, send
from tests.jobs.story import wait_for_end
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until


def test_the_last_file_of_a_content_takes_the_providers_copy_with_it(
    service: Service, worker: object, trainer: TrainerProcess, upstream: OpenAI
) -> None:
    def there() -> set[str]:
        return {file.id for file in upstream.files.list(purpose="fine-tune")}

    team = service.make_team()
    first, second = (send(team.sdk, jsonl(chats(14)), name) for name in ("a.jsonl", "b.jsonl"))
    job = team.sdk.fine_tuning.jobs.create(model="sandbox-mini", training_file=first.id)
    assert wait_for_end(team.sdk, job.id).status == "succeeded"
    with transaction() as session:
        (copy,) = copies_of(session, session.get_one(File, first.id))
    team.sdk.files.delete(first.id)
    assert copy.provider_file_id in there()
    team.sdk.files.delete(second.id)
    wait_until(lambda: copy.provider_file_id not in there())
    assert first.id in team.http.get(f"/v1/files/{first.id}/impact").text
