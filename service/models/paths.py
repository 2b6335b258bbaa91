"""How routes take the name of a model."""

from typing import Annotated

from fastapi import Path

# Names hold colons, and `provider/model` a slash.
ModelId = Annotated[str, Path(min_length=1, max_length=256)]
