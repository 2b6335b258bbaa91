"""Tune the newest tuned model on more data: estimate the cost first, print the lineage afterwards.

Set OPENAI_BASE_URL, and OPENAI_API_KEY to the key of a team with a tuned model; `first_job.py` creates one.
"""

import os
import time
from pathlib import Path

import httpx2
from openai import OpenAI

client = OpenAI()
# Routes that OpenAI's API lacks return plain JSON, at the same address and with the same key.
plain = httpx2.Client(
    base_url=os.environ["OPENAI_BASE_URL"],
    headers={"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
)

parent = next(model.id for model in client.models.list() if model.id.startswith("ft:"))
with (Path(__file__).parent / "data" / "tea-club.jsonl").open("rb") as examples:
    file = client.files.create(file=examples, purpose="fine-tune")
client.files.wait_for_processing(file.id, poll_interval=0.2)

wish = {"model": parent, "training_file": file.id, "suffix": "club"}
estimate = plain.post("/fine_tuning/estimates", json=wish).json()
left = estimate["budget"]["remaining_usd"]
print(f"{estimate['trained_tokens']} tokens for ${estimate['cost_usd']}; the budget has {left} left")

job = client.fine_tuning.jobs.create(model=parent, training_file=file.id, suffix="club")
while job.status not in ("succeeded", "failed", "cancelled"):
    time.sleep(0.5)
    job = client.fine_tuning.jobs.retrieve(job.id)

lineage = plain.get(f"/models/{job.fine_tuned_model}/lineage").json()
for edge in lineage["edges"]:
    print(f"{edge['from']}  --{edge['role']}-->  {edge['to']}")
print("total cost", lineage["cumulative_cost_usd"]["total"])
