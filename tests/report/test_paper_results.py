"""The paper's printed figures, against what its text says of them."""

from lightweight_ssd.report.paper_results import TABLE_5


def test_what_the_text_claims_follows_from_the_table() -> None:
    """4.86 M, nearly 30 % less than Mobilenet-SSD; 6.4 above it, 3.5 above Pelee, 4.3 above ThunderNet."""
    by_name = {result.name: result for result in TABLE_5}
    ours = by_name["Lightweight SSD (the paper)"]
    gains = {"SSD300, Mobilenet": 0.064, "Pelee": 0.035, "ThunderNet, SNet49": 0.043}
    assert {name: round(ours.map_50 - by_name[name].map_50, 3) for name in gains} == gains
    mobilenet = by_name["SSD300, Mobilenet"].parameters
    assert ours.parameters and mobilenet and 0.7 < ours.parameters / mobilenet < 0.72


def test_speeds_are_those_of_table_6() -> None:
    speeds = {result.name: result.latency_ms for result in TABLE_5 if result.latency_ms}
    assert sorted(speeds.values()) == [23.0, 23.5, 23.7, 24.0, 46.0]
    assert len(TABLE_5) == 14 and len({result.name for result in TABLE_5}) == 14
