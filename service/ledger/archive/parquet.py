"""Write and read the Parquet file of an archived month. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from service.ledger.archive.columns import COLUMNS, DECIMALS, Kind

if TYPE_CHECKING:  # loaded by those who archive or audit alone
    from arro3.core import Array, DataType, Schema

ROWS_PER_GROUP = 65_536


def write(batches: Iterable[Sequence[Sequence[Any]]], file: IO[bytes]) -> None:
    """Write batches of rows as selected by `columns.selected`; one batch is in memory at a time."""
    from arro3.core import RecordBatch, RecordBatchReader
    from arro3.io import write_parquet

    schema = _schema()
    arrow = (
        RecordBatch.from_arrays(
            [_array(name, values) for name, values in zip(COLUMNS, zip(*rows, strict=True), strict=True)],
            schema=schema,
        )
        for rows in batches
        if rows
    )
    write_parquet(
        RecordBatchReader.from_batches(schema, arrow),
        file,
        compression="zstd(3)",
        max_row_group_size=ROWS_PER_GROUP,
    )


def read(file: IO[bytes]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows, with `Decimal`, aware `datetime`, and tags as JSON."""
    from arro3.io import read_parquet

    for batch in read_parquet(file, batch_size=ROWS_PER_GROUP):
        columns = dict(zip(batch.column_names, batch.columns, strict=True))
        yield from zip(*(columns[name].to_pylist() for name in COLUMNS), strict=True)


def _schema() -> "Schema":
    from arro3.core import Field, Schema

    return Schema([Field(name, _type(name, kind), nullable=True) for name, kind in COLUMNS.items()])


def _type(name: str, kind: Kind) -> "DataType":
    from arro3.core import DataType

    if kind == "decimal":
        of = DECIMALS[name]
        return DataType.decimal128(of.precision or 38, of.scale or 0)
    if kind == "time":
        return DataType.timestamp("us", tz="UTC")
    return {"integer": DataType.int64, "boolean": DataType.bool}.get(kind, DataType.utf8)()


def _array(name: str, values: Sequence[Any]) -> "Array":
    from arro3.core import Array, DataType

    kind = COLUMNS[name]
    if kind == "decimal":
        return Array(values, type=DataType.utf8()).cast(_type(name, kind))
    if kind == "time":
        return Array(values, type=DataType.int64()).cast(_type(name, kind))
    return Array(values, type=_type(name, kind))
