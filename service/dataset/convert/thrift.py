"""Read structures in Thrift's compact protocol, in which Parquet writes its footer and the headers of pages.

Specification: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from typing import Any, TypeAlias

Fields: TypeAlias = dict[int, Any]

_MAX_DEPTH = 16
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = range(1, 14)
_SIZES = {_DOUBLE: 8, _UUID: 16}


class Compact:
    """A cursor over bytes. Every read raises `ValueError` or `IndexError` for bytes that cannot be right."""

    def __init__(self, data: bytes, place: int = 0) -> None:
        self._data = data
        self.place = place

    def struct(self, depth: int = 0) -> Fields:
        """Return a structure's values by field id. Texts are bytes, lists are lists; maps are read past."""
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        found: Fields = {}
        field_id = 0
        while header := self._byte():
            delta, kind = header >> 4, header & 15
            field_id = field_id + delta if delta else self._integer()
            found[field_id] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_I16, _I32, _I64):
            return self._integer()
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind == _MAP:
            return self._skip_map(depth)
        if kind in (_TRUE, _FALSE, _BYTE):  # as an element of a list
            return self._byte()
        return self._bytes(_SIZES[kind])

    def _list(self, depth: int) -> list[Any]:
        header = self._byte()
        size, kind = header >> 4, header & 15
        if size == 15:
            size = self._varint()
        if size > len(self._data) - self.place:  # each element takes a byte at least
            raise ValueError("a list is longer than the data")
        return [self._value(kind, depth + 1) for _ in range(size)]

    def _skip_map(self, depth: int) -> None:
        size = self._varint()
        if not size:
            return
        if size > len(self._data) - self.place:
            raise ValueError("a map is longer than the data")
        kinds = self._byte()
        for _ in range(size):
            self._value(kinds >> 4, depth + 1)
            self._value(kinds & 15, depth + 1)

    def _integer(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
            if shift > 63:
                raise ValueError("an integer is longer than 64 bits")

    def _bytes(self, size: int) -> bytes:
        found = self._data[self.place : self.place + size]
        if len(found) < size:
            raise ValueError("the data is cut short")
        self.place += size
        return found

    def _byte(self) -> int:
        byte = self._data[self.place]
        self.place += 1
        return byte
