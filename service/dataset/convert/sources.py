"""What a file is by its name: packed or not, JSON lines or a table. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from service.dataset.convert.unpack import Packing


class Layout(StrEnum):
    """How examples stand in a file."""

    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"


@dataclass(frozen=True)
class Source:
    """A file's packing and layout, and what it is called once it is JSON lines."""

    packing: Packing
    layout: Layout
    jsonl_name: str

    @property
    def is_jsonl(self) -> bool:
        """Whether it can be trained on as it is."""
        return self.packing is Packing.NONE and self.layout is Layout.JSONL


def source_of(filename: str) -> Source:
    """What `filename` says: `train.csv.gz` is a packed table, whatever has no known ending JSON lines."""
    path = PurePosixPath(filename)
    packing = Packing.NONE
    if path.suffix.lower() in (".gz", ".zst"):
        packing, path = Packing(path.suffix[1:].lower()), path.with_suffix("")
    known = path.suffix.lower() in (".csv", ".tsv", ".parquet")
    layout = Layout(path.suffix[1:].lower()) if known else Layout.JSONL
    name = path.with_suffix(".jsonl").name if known else path.name
    return Source(packing, layout, name)
