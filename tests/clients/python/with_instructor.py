"""instructor in each of its modes for OpenAI."""

from collections.abc import Callable

import instructor
import openai
from calls import MODEL, QUESTION, call, report
from pydantic import BaseModel


class Tea(BaseModel):
    """A tea and how long it steeps."""

    name: str
    minutes: int


def in_mode(mode: instructor.Mode) -> Callable[[], None]:
    def ask() -> None:
        client = instructor.from_openai(openai.OpenAI(max_retries=0), mode=mode)
        tea = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": QUESTION}],
            response_model=Tea,
            max_retries=1,
        )
        assert isinstance(tea, Tea)

    return ask


for name in ("TOOLS", "TOOLS_STRICT", "JSON", "JSON_SCHEMA", "MD_JSON", "FUNCTIONS", "RESPONSES_TOOLS"):
    call(f"Mode.{name}")(in_mode(instructor.Mode[name]))

report("instructor")
