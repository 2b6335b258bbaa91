"""The path parameter for a model's name."""

from typing import Annotated

from fastapi import Path

# Names contain colons, and `provider/model` a slash.
ModelId = Annotated[str, Path(min_length=1, max_length=256)]
