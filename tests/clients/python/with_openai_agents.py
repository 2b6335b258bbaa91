"""OpenAI's Agents SDK: an output type and tools, over Responses (its default) and over chat."""

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from calls import MODEL, QUESTION, call, report
from openai import AsyncOpenAI
from pydantic import BaseModel

set_tracing_disabled(True)


class Tea(BaseModel):
    """A tea and how long it steeps."""

    name: str
    minutes: int


@function_tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"4 degrees in {city}"


def over_responses() -> OpenAIResponsesModel:
    return OpenAIResponsesModel(model=MODEL, openai_client=AsyncOpenAI(max_retries=0))


def over_chat() -> OpenAIChatCompletionsModel:
    return OpenAIChatCompletionsModel(model=MODEL, openai_client=AsyncOpenAI(max_retries=0))


@call("Runner.run_sync with output_type, over Responses")
def responses() -> None:
    agent = Agent(name="tea", instructions="You sell tea.", model=over_responses(), output_type=Tea)
    assert isinstance(Runner.run_sync(agent, QUESTION).final_output, Tea)


@call("Runner.run_sync with output_type, over chat")
def chat() -> None:
    agent = Agent(name="tea", instructions="You sell tea.", model=over_chat(), output_type=Tea)
    assert isinstance(Runner.run_sync(agent, QUESTION).final_output, Tea)


@call("a tool call and its result, over Responses, then to_input_list() and a second turn")
def tools() -> None:
    agent = Agent(
        name="weather",
        model=over_responses(),
        tools=[get_weather],
        model_settings=ModelSettings(tool_choice="required"),
    )
    first = Runner.run_sync(agent, "What is the weather in Oslo?")
    assert [item for item in first.new_items if item.type == "tool_call_output_item"]
    again = [*first.to_input_list(), {"role": "user", "content": "And tomorrow?"}]
    assert Runner.run_sync(agent, again).final_output


@call("a tool call and its result, over chat")
def tools_over_chat() -> None:
    agent = Agent(
        name="weather",
        model=over_chat(),
        tools=[get_weather],
        model_settings=ModelSettings(tool_choice="required"),
    )
    found = Runner.run_sync(agent, "What is the weather in Oslo?")
    assert [item for item in found.new_items if item.type == "tool_call_output_item"]


report("openai-agents")
