"""Pydantic AI: agents with an output type and tools, over chat and over Responses."""

from calls import MODEL, QUESTION, call, report
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel


class Tea(BaseModel):
    """A tea and how long it steeps."""

    name: str
    minutes: int


@call("Agent.run_sync")
def text() -> None:
    agent = Agent(OpenAIChatModel(MODEL))
    assert agent.run_sync(QUESTION).output


@call("Agent(output_type=Tea)")
def tool_output() -> None:
    assert isinstance(Agent(OpenAIChatModel(MODEL), output_type=Tea).run_sync(QUESTION).output, Tea)


@call("Agent(output_type=NativeOutput(Tea))")
def native() -> None:
    agent = Agent(OpenAIChatModel(MODEL), output_type=NativeOutput(Tea))
    assert isinstance(agent.run_sync(QUESTION).output, Tea)


@call("Agent(output_type=PromptedOutput(Tea))")
def prompted() -> None:
    agent = Agent(OpenAIChatModel(MODEL), output_type=PromptedOutput(Tea))
    assert isinstance(agent.run_sync(QUESTION).output, Tea)


@call("Agent with a tool and a second turn")
def tools() -> None:
    agent = Agent(OpenAIChatModel(MODEL))

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Get the weather of a city."""
        return f"4 degrees in {city}"

    first = agent.run_sync("What is the weather in Oslo?")
    assert agent.run_sync("And tomorrow?", message_history=first.all_messages()).output


@call("OpenAIResponsesModel with an output type and a second turn")
def responses() -> None:
    agent = Agent(OpenAIResponsesModel(MODEL), output_type=Tea)
    first = agent.run_sync(QUESTION)
    assert isinstance(agent.run_sync("And the strongest?", message_history=first.all_messages()).output, Tea)


report("pydantic-ai-slim")
