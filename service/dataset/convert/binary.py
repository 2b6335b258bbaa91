"""Read rows of Parquet files, which need the whole file."""

import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from service.dataset.convert.problems import Unreadable

# A whole batch is in memory at once, and a row may hold a long conversation.
_PARQUET_ROWS = 256


def parquet_rows(chunks: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row and its number, from 1."""
    from arro3.io import read_parquet

    with tempfile.TemporaryFile() as whole:
        spool(chunks, whole)
        try:
            number = 0
            for batch in read_parquet(whole, batch_size=_PARQUET_ROWS):
                columns = [column.to_pylist() for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield number, dict(zip(batch.column_names, cells, strict=True))
        except (GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as bad:
            # The reader panics on files that are not Parquet, and its panics do not derive from `Exception`.
            raise Unreadable(f"The file cannot be read as Parquet: {str(bad)[:200]}.") from bad


def spool(chunks: Iterable[bytes], whole: IO[bytes]) -> None:
    """Write `chunks` to a file and return to its beginning."""
    for chunk in chunks:
        whole.write(chunk)
    whole.seek(0)
