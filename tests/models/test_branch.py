"""A branch is one range of keys, whatever the tree looks like."""

from hypothesis import given
from hypothesis import strategies as st

from service.models.lineage.branch import MOST_BYTES, beside_line, end_of, next_in_line, root_key

# Each new node: which earlier one it hangs from (modulo), and whether it is a model or a checkpoint.
Growth = st.lists(st.tuples(st.integers(0, 10_000), st.booleans()), max_size=80)


class Tree:
    """Keys given out as registration does it."""

    def __init__(self) -> None:
        self.parents: list[int | None] = [None]
        self.keys: list[bytes] = [root_key("ft:first")]
        self._has_next: set[int] = set()
        self._side_lines: dict[int, int] = {}

    def add(self, parent: int, is_model: bool) -> None:
        if is_model and parent not in self._has_next:
            self._has_next.add(parent)
            key: bytes | None = next_in_line(self.keys[parent])
        else:
            self._side_lines[parent] = self._side_lines.get(parent, 0) + 1
            key = beside_line(self.keys[parent], self._side_lines[parent])
        assert key is not None
        self.parents.append(parent)
        self.keys.append(key)

    def hangs_from(self, node: int, ancestor: int) -> bool:
        step: int | None = node
        while step is not None and step != ancestor:
            step = self.parents[step]
        return step == ancestor


@given(Growth)
def test_a_range_holds_a_branch_and_nothing_else(growth: list[tuple[int, bool]]) -> None:
    tree = Tree()
    for parent, is_model in growth:
        tree.add(parent % len(tree.keys), is_model)
    assert len(set(tree.keys)) == len(tree.keys)
    for node, key in enumerate(tree.keys):
        end = end_of(key)
        inside = {other for other, one in enumerate(tree.keys) if key <= one < end}
        assert inside == {other for other in range(len(tree.keys)) if tree.hangs_from(other, node)}


def test_a_line_of_a_hundred_thousand_stays_in_order_and_short() -> None:
    key, seen = root_key("ft:first"), []
    for _ in range(100_000):
        seen.append(key)
        key = next_in_line(key)
    assert seen == sorted(seen)
    assert max(map(len, seen)) <= 12


def test_many_side_lines_stay_in_order() -> None:
    key = root_key("ft:first")
    made = [beside_line(key, number) for number in range(1, 2000)]
    assert all(one is not None and key < one < next_in_line(key) for one in made)
    assert made == sorted(made, key=lambda one: one or b"")


def test_a_key_that_would_grow_too_long_is_not_given() -> None:
    key: bytes | None = root_key("ft:first")
    turns = 0
    while key is not None:
        assert len(key) <= MOST_BYTES
        key = beside_line(key, 1)
        turns += 1
    assert turns > 900
