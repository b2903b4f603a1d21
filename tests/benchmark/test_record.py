"""What a section of the results says: both sides, their ratio, whether the target is reached."""

from pathlib import Path

import pytest

from lightweight_ssd.benchmark.record import (
    Measurement,
    Record,
    Target,
    append_section,
    import_peer,
    interleaved,
    reached,
    table,
    to_markdown,
)

HALF = Target("ratio", ">=", 0.5)


@pytest.mark.parametrize(
    ("measurement", "met"),
    [
        (Measurement("a", 50.0, "images/s", "limit", 100.0, True, HALF), True),
        (Measurement("a", 49.0, "images/s", "limit", 100.0, True, HALF), False),
        (Measurement("a", 49.0, "images/s", target=HALF), None),
        (Measurement("a", 49.0, "images/s", "peer", 100.0), None),
        (Measurement("a", 0.9, "s", "peer", 0.1, target=Target("ours", "<=", 1.0)), True),
        (Measurement("a", 1.1, "s", target=Target("ours", "<=", 1.0)), False),
    ],
)
def test_target(measurement: Measurement, met: bool | None):
    assert reached(measurement) is met


def test_table_is_markdown_with_aligned_columns():
    lines = table(
        [
            Measurement("gray_mix_rgb", 400.0, "images/s", "decoding alone", 1000.0, True, HALF),
            Measurement("help", 0.4, "s", target=Target("ours", "<=", 1.0)),
            Measurement("size", 12345.0, "MB", "peer", 1.0, target=Target("ratio", "<=", 2.0)),
            Measurement("alone", 3.0, "s", "peer", None, target=HALF),
        ]
    ).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["what", "ours", "beside", "theirs", "ours ÷ theirs", "target", "reached"]
    assert cells[2] == [
        "gray_mix_rgb", "400 images/s", "decoding alone (limit)", "1,000 images/s", "0.400", "≥ 0.5", "**no**"
    ]  # fmt: skip
    assert cells[3] == ["help", "0.4 s", "", "", "", "≤ 1 s", "yes"]
    assert cells[4][4:] == ["12,345", "≤ 2", "**no**"]
    assert cells[5][3:] == ["", "", "≥ 0.5", "not measured"]
    assert len({len(line) for line in lines}) == 1


def test_sections_are_appended_below_one_heading(tmp_path: Path):
    file = tmp_path / "benchmarks" / "RESULTS.md"
    packages = ("numpy", "no-such")
    first = to_markdown(Record("step", "Two images.", [Measurement("a", 1.0, "ms")], ["Note."], packages))
    second = to_markdown(Record("latency", "One image.", [Measurement("b", 2.0, "ms")], device="A GPU"))
    append_section(file, first)
    append_section(file, second)
    text = file.read_text()
    assert text.startswith("# What the benchmarks measured\n")
    assert text.count("# What the benchmarks measured") == 1
    assert text.index(first) < text.index(second)
    assert "`lssd benchmark step` at commit " in first and "numpy " in first and "no-such" not in first
    assert first.endswith("\n\n- Note.") and "A GPU beside " in second


def test_calls_take_turns_and_the_first_rounds_do_not_count():
    order: list[str] = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    seconds = interleaved(calls, rounds=3, warmup=1, synchronize=lambda: order.append("|"))
    assert "".join(order) == "|b||a||a||b||b||a||a||b|"
    assert list(seconds) == ["a", "b"]
    assert all(0 <= timing.low <= timing.median <= timing.high for timing in seconds.values())


def test_one_round_is_enough():
    timing = interleaved({1: int}, rounds=1, warmup=0)[1]
    assert timing.low == timing.median == timing.high


def test_another_clock_may_count():
    hours = iter(range(0, 100, 7))
    timing = interleaved({"a": int, "b": int}, rounds=2, warmup=1, clock=lambda: float(next(hours)))
    assert [timing[name] for name in "ab"] == [(7.0, 7.0, 7.0)] * 2


def test_a_peer_that_is_there_is_imported():
    notes: list[str] = []
    module = import_peer("json", "json", notes)
    assert module is not None and module.loads("1") == 1
    assert not notes
