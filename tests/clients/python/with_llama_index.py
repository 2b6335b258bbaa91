"""LlamaIndex's fine-tuning engine for OpenAI, from its file to the model it returns."""

import time

from calls import EXAMPLES, MODEL, call, report
from llama_index.finetuning import OpenAIFinetuneEngine


@call("OpenAIFinetuneEngine.finetune, get_current_job")
def finetune() -> None:
    # Its own check of the file downloads a token table.
    engine = OpenAIFinetuneEngine(base_model=MODEL, data_path=EXAMPLES, validate_json=False)
    engine.finetune()
    job = engine.get_current_job()
    while job.status not in ("succeeded", "failed", "cancelled"):
        time.sleep(0.2)
        job = engine.get_current_job()
    assert job.status == "succeeded"
    assert job.fine_tuned_model


report("llama-index-finetuning")
