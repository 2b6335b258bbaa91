"""OpenAI's Agents SDK: an output type and tools, over Responses (its default) and over chat."""

from agents import (
    Agent,
    Model,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    RunResult,
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


def over_responses() -> Model:
    return OpenAIResponsesModel(model=MODEL, openai_client=AsyncOpenAI(max_retries=0))


def over_chat() -> Model:
    return OpenAIChatCompletionsModel(model=MODEL, openai_client=AsyncOpenAI(max_retries=0))


def gives_a_tea(model: Model) -> None:
    agent = Agent(name="tea", instructions="You sell tea.", model=model, output_type=Tea)
    assert isinstance(Runner.run_sync(agent, QUESTION).final_output, Tea)


def calls_the_tool(model: Model) -> RunResult:
    required = ModelSettings(tool_choice="required")
    agent = Agent(name="weather", model=model, tools=[get_weather], model_settings=required)
    found = Runner.run_sync(agent, "What is the weather in Oslo?")
    assert [item for item in found.new_items if item.type == "tool_call_output_item"]
    return found


@call("Runner.run_sync with output_type, over Responses")
def responses() -> None:
    gives_a_tea(over_responses())


@call("Runner.run_sync with output_type, over chat")
def chat() -> None:
    gives_a_tea(over_chat())


@call("a tool call and its result, over Responses, then to_input_list() and a second turn")
def tools() -> None:
    first = calls_the_tool(over_responses())
    again = [*first.to_input_list(), {"role": "user", "content": "And tomorrow?"}]
    assert Runner.run_sync(first.last_agent, again).final_output


@call("a tool call and its result, over chat")
def tools_over_chat() -> None:
    calls_the_tool(over_chat())


report("openai-agents")
