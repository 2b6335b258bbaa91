"""The clients, and how a script of one runs: with its own environment, which the installer made."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_TIMEOUT_S = 240
SANDBOX, GATEWAY = "sandbox-mini", "gpt-4.1-mini-2025-04-14"


@dataclass(frozen=True)
class Client:
    """A client as people install it: its name here, its environment, and the script that calls with it."""

    name: str
    environment: str
    script: str
    is_tried_upstream: bool = False

    @property
    def is_installed(self) -> bool:
        """False for Node clients where there is no Node."""
        return self.environment != "node" or (HERE / "node" / "node_modules").exists()

    @property
    def argv(self) -> list[str]:
        """The command of its script."""
        script = str(HERE / self.script)
        if self.environment == "node":
            return ["node", script]
        return [str(environments() / self.environment / "bin" / "python"), script]


CLIENTS = (
    Client("OpenAI Python", "newest", "python/with_openai.py", is_tried_upstream=True),
    Client("OpenAI Python 1.x", "openai-1", "python/with_openai.py"),
    Client("OpenAI Python 0.28", "openai-028", "python/with_openai_028.py"),
    Client("LangChain", "newest", "python/with_langchain.py", is_tried_upstream=True),
    Client("LiteLLM", "newest", "python/with_litellm.py", is_tried_upstream=True),
    Client("instructor", "instructor", "python/with_instructor.py"),
    Client("Pydantic AI", "newest", "python/with_pydantic_ai.py"),
    Client("OpenAI Agents", "newest", "python/with_openai_agents.py", is_tried_upstream=True),
    Client("DSPy", "newest", "python/with_dspy.py", is_tried_upstream=True),
    Client("LlamaIndex", "openai-1", "python/with_llama_index.py"),
    Client("OpenAI Node", "node", "node/with_openai.mjs", is_tried_upstream=True),
    Client("Vercel AI SDK", "node", "node/with_ai_sdk.mjs", is_tried_upstream=True),
)

# What cannot work, and why: (client, where, call).
KNOWN = {
    ("DSPy", "sandbox", "Predict"): (
        "DSPy sends a schema only to models in its own table of names; from others it expects a text in a "
        "form of its own, which takes a language model"
    ),
}


def environments() -> Path:
    """Where the installer made the clients' environments."""
    return Path(os.environ["CLIENT_ENVIRONMENTS"]).absolute()


@dataclass(frozen=True)
class Outcome:
    """What became of one call: its problem is None if it worked."""

    version: str
    call: str
    problem: str | None


def run(client: Client, *, base_url: str, key: str, model: str, completion_model: str) -> list[Outcome]:
    """Run a client's script, and return what became of its calls. Raises AssertionError if it breaks off."""
    told = {
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": key,
        "MODEL": model,
        "COMPLETION_MODEL": completion_model,
        "EXAMPLES": str(ROOT / "examples" / "data" / "tea-shop.jsonl"),
    }
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TUNEHOUSE_", "OPENAI_"))
    }
    done = subprocess.run(
        client.argv, env=kept | told, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
    version = next(line["version"] for line in found if "version" in line)
    return [Outcome(version, line["call"], line["problem"]) for line in found if "call" in line]
