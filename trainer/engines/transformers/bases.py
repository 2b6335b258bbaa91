"""Finds the base models that `--bases` names: model folders, folders of them, or hub ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from trainer.settings import OfferedBase

CAUSAL, ENCODER = "causal", "encoder"
TUNINGS = ("lora", "full")
_CAUSAL_ENDINGS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_ENCODERS = (
    *("albert", "bert", "camembert", "convbert", "deberta", "deberta-v2", "distilbert", "electra", "ernie"),
    *("eurobert", "flaubert", "modernbert", "mpnet", "nomic_bert", "roberta", "roberta-prelayernorm"),
    *("squeezebert", "xlm-roberta", "xlm-roberta-xl"),
)


def find_bases(text: str) -> tuple[OfferedBase, ...]:
    """Read `[NAME=]SOURCE[@REVISION][@lora|@full],…`; raises ValueError with a message for the user.

    SOURCE is a model's folder, a folder of such folders, or the id of a model in the local hub cache (or on
    the hub, which then is asked), at a REVISION of it or its newest. Without NAME a base is named after its
    folder or the last part of its id.
    """
    found = [base for item in filter(None, (i.strip() for i in text.split(","))) for base in _read(item)]
    if not found:
        raise ValueError("name at least one base model")
    names = [base.name for base in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two bases are called {sorted(twice)[0]!r}; give one another name with NAME=FOLDER")
    return tuple(found)


def _read(item: str) -> list[OfferedBase]:
    name, equals, source = item.rpartition("=")
    source, *marks = source.split("@")
    tuning = marks.pop() if marks and marks[-1] in TUNINGS else ""
    path = Path(source).expanduser()
    if len(marks) > 1 or (marks and path.is_dir()):
        raise ValueError(
            f"cannot read {item!r}; add @lora or @full to a folder, or a revision and one of them to an id of"
            " the hub"
        )
    if not path.is_dir():
        path = _fetch(source, marks[0] if marks else None)
    if (path / "config.json").is_file():
        return [_describe(name if equals else source.rstrip("/").rsplit("/", 1)[-1], path.resolve(), tuning)]
    folders = sorted(child for child in path.iterdir() if (child / "config.json").is_file())
    if not folders or equals:
        raise ValueError(f"{source} is not a model: it has no config.json")
    return [_describe(folder.name, folder.resolve(), tuning) for folder in folders]


def _fetch(source: str, revision: str | None) -> Path:
    try:
        return Path(snapshot_download(source, revision=revision))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        at = f" at the revision {revision}" if revision else ""
        raise ValueError(f"{source} is neither a folder nor a model that the hub offers{at}") from error


def _describe(name: str, path: Path, tuning: str) -> OfferedBase:
    if not name or ":" in name:
        raise ValueError(f"{name!r} is not a valid name of a base model")
    try:
        config: Any = json.loads((path / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}/config.json cannot be read") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path}/config.json is not the configuration of a model")
    architectures = [str(a) for a in config.get("architectures") or []]
    if any(a.endswith(_CAUSAL_ENDINGS) for a in architectures) and not config.get("is_encoder_decoder"):
        return OfferedBase(name=name, path=path, kind=CAUSAL, tuning=tuning or "lora")
    if config.get("model_type") in _ENCODERS:
        if tuning == "lora":
            raise ValueError(f"{name} is an encoder, which is always tuned in full")
        return OfferedBase(name=name, methods=("supervised",), path=path, kind=ENCODER, tuning="full")
    what = architectures[0] if architectures else config.get("model_type", "no architecture")
    raise ValueError(f"{name} ({what}) is neither a causal language model nor an encoder known here")
