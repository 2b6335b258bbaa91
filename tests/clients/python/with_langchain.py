"""LangChain's ChatOpenAI: messages, streams, tools, and structured output in its three methods."""

import json
from typing import Any

from calls import MODEL, QUESTION, call, report
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

chat = ChatOpenAI(model=MODEL, max_retries=0)


class Tea(BaseModel):
    """A tea and how long it steeps."""

    name: str
    minutes: int


@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"4 degrees in {city}"


@call("invoke, stream")
def invoke() -> None:
    assert chat.invoke(QUESTION).content
    assert len(list(chat.stream(QUESTION))) > 1


@call("bind_tools, and the result sent back")
def tools() -> None:
    bound = chat.bind_tools([get_weather], tool_choice="required")
    said: list[Any] = [HumanMessage("What is the weather in Oslo?")]
    answer = bound.invoke(said)
    (made,) = answer.tool_calls
    said += [answer, ToolMessage(get_weather.invoke(made["args"]), tool_call_id=made["id"])]
    assert chat.invoke(said).content


@call("with_structured_output(method='json_schema')")
def json_schema() -> None:
    assert isinstance(chat.with_structured_output(Tea, method="json_schema").invoke(QUESTION), Tea)


@call("with_structured_output(method='function_calling')")
def function_calling() -> None:
    assert isinstance(chat.with_structured_output(Tea, method="function_calling").invoke(QUESTION), Tea)


@call("with_structured_output(method='json_mode')")
def json_mode() -> None:
    asked = f"{QUESTION} Answer in JSON of the schema {json.dumps(Tea.model_json_schema())}"
    assert isinstance(chat.with_structured_output(Tea, method="json_mode").invoke(asked), Tea)


@call("the Responses API, structured and over two turns")
def responses() -> None:
    through = ChatOpenAI(model=MODEL, max_retries=0, use_responses_api=True)
    assert isinstance(through.with_structured_output(Tea).invoke(QUESTION), Tea)
    bound = through.bind_tools([get_weather], tool_choice="required")
    said: list[Any] = [HumanMessage("What is the weather in Oslo?")]
    answer = bound.invoke(said)
    (made,) = answer.tool_calls
    said += [answer, ToolMessage(get_weather.invoke(made["args"]), tool_call_id=made["id"])]
    assert through.invoke(said).content


report("langchain-openai")
