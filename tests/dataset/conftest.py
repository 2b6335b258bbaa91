"""Fixtures of the dataset rules' own suite."""

import gzip
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiktoken

# The names tiktoken looks its cache up by: SHA-1 of the addresses it would download from.
RANKS = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
}


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tiktoken.Encoding]:
    """tiktoken's encodings, read offline from the rank files of another package."""
    cache = tmp_path_factory.mktemp("tiktoken")
    package = find_spec("bpe_openai")
    assert package is not None
    assert package.origin is not None
    for name, cached_as in RANKS.items():
        packed = (Path(package.origin).parent / "data" / f"{name}.tiktoken.gz").read_bytes()
        Path(cache / cached_as).write_bytes(gzip.decompress(packed))
    os.environ["TIKTOKEN_CACHE_DIR"] = str(cache)
    return tiktoken.get_encoding
