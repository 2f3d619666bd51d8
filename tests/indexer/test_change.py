from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cidxd.indexer import change
from cidxd.indexer.change import Change, Leaf, Tally

_A, _B = b"\xaa" * 20, b"\xbb" * 20
_FILE, _LINK, _MODULE = 0o100644, 0o120000, 0o160000
_LEAVES = st.tuples(st.sampled_from([_FILE, 0o100755, _LINK, _MODULE]), st.sampled_from([_A, _B]))
_TREES = st.dictionaries(st.binary(min_size=1, max_size=2), _LEAVES, max_size=8)


def test_a_listing_keeps_paths_as_git_wrote_them() -> None:
    output = b"100644 blob %b\ta\tb\n\xff\0" % (b"aa" * 20)

    assert change.parse_listing(output) == {b"a\tb\n\xff": (_FILE, _A)}
    assert change.parse_listing(b"") == {}


def test_output_that_is_cut_short_is_an_error_and_no_small_change_set() -> None:
    with pytest.raises(ValueError, match="cut short"):
        change.parse_listing(b"100644 blob %b\tname" % (b"aa" * 20))
    with pytest.raises(ValueError, match="zip"):
        change.parse_difference(b":100644 100644 %b %b M\0" % (b"aa" * 20, b"bb" * 20))


def test_a_difference_tells_both_sides() -> None:
    output = b":000000 120000 %b %b A\0new\0:160000 100755 %b %b T\0-x\0" % (
        b"00" * 20, b"aa" * 20, b"aa" * 20, b"bb" * 20,
    )  # fmt: skip

    assert change.parse_difference(output) == [
        Change(b"new", None, (_LINK, _A)),
        Change(b"-x", (_MODULE, _A), (0o100755, _B)),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], Tally()),
        ([Change(b"a", None, (_FILE, _A))], Tally(added=1)),
        ([Change(b"a", (_FILE, _A), (_FILE, _B))], Tally(modified=1)),
        ([Change(b"a", (_FILE, _A), (0o100755, _A))], Tally(modified=1)),
        ([Change(b"a", (_FILE, _A), (_LINK, _B))], Tally(modified=1)),
        ([Change(b"a", (_FILE, _A), None)], Tally(deleted=1)),
        ([Change(b"a", (_FILE, _A), None), Change(b"b", None, (_FILE, _A))], Tally(renamed=1)),
        (
            [
                Change(b"a", (_FILE, _A), None),
                Change(b"b", None, (_FILE, _A)),
                Change(b"c", None, (_FILE, _A)),
            ],
            Tally(added=1, renamed=1),
        ),
        ([Change(b"a", (_MODULE, _A), (_MODULE, _B))], Tally()),
        ([Change(b"a", (_FILE, _A), (_MODULE, _B))], Tally(deleted=1)),
    ],
)
def test_a_change_is_counted_once(changes: list[Change], expected: Tally) -> None:
    assert change.tally(changes) == expected


@given(_TREES, _TREES)
def test_a_comparison_turns_the_old_tree_into_the_new_one(
    old: dict[bytes, Leaf], new: dict[bytes, Leaf]
) -> None:
    tree = dict(old)
    for path, before, after in change.compare(old, new):
        assert tree.pop(path, None) == before
        if after is not None:
            tree[path] = after

    assert tree == new


@given(_TREES, _TREES)
def test_a_tally_agrees_with_the_number_of_files(
    old: dict[bytes, Leaf], new: dict[bytes, Leaf]
) -> None:
    counted = change.tally(change.compare(old, new))

    files = [sum(map(change.is_counted, tree.values())) for tree in (old, new)]
    assert files[0] + counted.added - counted.deleted == files[1]
