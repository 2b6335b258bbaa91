"""Upload a dataset, run a job, and ask the tuned model, with the stock SDK.

Set OPENAI_BASE_URL, and OPENAI_API_KEY to a team's key.
"""

import time
from pathlib import Path

from openai import OpenAI

data = Path(__file__).parent / "data"
client = OpenAI()

with (data / "tea-shop.jsonl").open("rb") as examples:
    training = client.files.create(file=examples, purpose="fine-tune")
with (data / "tea-shop-validation.jsonl").open("rb") as held_out:
    validation = client.files.create(file=held_out, purpose="fine-tune")

# A job may be created while its files are still being checked; it waits for them.
job = client.fine_tuning.jobs.create(
    model="sandbox-mini", training_file=training.id, validation_file=validation.id, suffix="support"
)
while job.status not in ("succeeded", "failed", "cancelled"):
    time.sleep(0.5)
    job = client.fine_tuning.jobs.retrieve(job.id)
    print(job.id, job.status)

for event in list(client.fine_tuning.jobs.list_events(job.id))[:5]:
    print(event.message)

for question in ("Do you ship to Norway?", "可以寄到挪威吗？"):
    stream = client.chat.completions.create(
        model=job.fine_tuned_model, messages=[{"role": "user", "content": question}], stream=True
    )
    print(f"\n> {question}")
    for piece in stream:
        print(piece.choices[0].delta.content or "" if piece.choices else "", end="", flush=True)
print()
