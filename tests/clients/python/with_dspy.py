"""DSPy: a plain call, and a prediction with typed fields."""

import os
import tempfile

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch a price list
os.environ["DSPY_CACHEDIR"] = tempfile.mkdtemp()

import dspy
from calls import BASE_URL, KEY, MODEL, QUESTION, call, report

lm = dspy.LM(f"openai/{MODEL}", api_base=BASE_URL, api_key=KEY, cache=False, num_retries=0)


class Choose(dspy.Signature):
    """Choose a tea."""

    question: str = dspy.InputField()
    tea: str = dspy.OutputField()
    minutes: int = dspy.OutputField()


@call("LM")
def lm_call() -> None:
    assert lm(QUESTION)


@call("Predict")
def predict() -> None:
    with dspy.context(lm=lm):
        found = dspy.Predict(Choose)(question=QUESTION)
    assert isinstance(found.minutes, int)


report("dspy")
