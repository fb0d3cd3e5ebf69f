"""Lines of CSV are those of Python's own writer, with and without quotes."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from tracker.sinks._rows import lines

CELLS = st.text(st.sampled_from('ab1.,"\n\r; \té'), max_size=4)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=4))
def test_lines_are_those_of_the_csv_module(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    assert lines(iter(rows)) == text.getvalue()
