"""Cells have the digits that mean something, and nothing else."""

from lightweight_ssd.report.number_format import interval, percent, share, signed, timed


def test_the_minus_is_a_real_one_and_zero_has_no_sign() -> None:
    assert (percent(-0.0123), percent(-0.0001), percent(0.0)) == ("−1.2", "0.0", "0.0")
    assert (signed(-0.0123), signed(-0.0004), signed(0.00004), signed(None)) == ("−1.2", "−0.04", "±0.0", "–")
    shown = interval({"mean": -0.02, "low": -0.03, "high": -0.0101, "shown": True})
    assert shown == "−2.0 [−3.0, −1.0]" and "-" not in shown


def test_one_seed_has_no_spread() -> None:
    row = {"metrics": {"map_50": {"mean": 0.741, "std": None, "n": 1}, "macs": None}}
    assert (share(row, "map_50"), share(row, "macs")) == ("74.1", "–")


def test_milliseconds_are_no_more_exact_than_their_spread() -> None:
    times = [
        (2.3456, None, None),
        (2.3456, 2.3456, 2.3456),
        (0.81, 0.806, 0.8149),
        (152.4, 149.7, 153.2),
        (99.0, 80.0, 215.0),
    ]
    cells = [timed({"ms": ms, "low": low, "high": high, "busy": False}) for ms, low, high in times]
    assert cells == [
        "2.35 ms", "2.35 ms (2.35–2.35)", "0.810 ms (0.806–0.815)", "152 ms (150–153)", "99 ms (80–215)",
    ]  # fmt: skip
    assert timed({"ms": 40.0, "low": 17.2, "high": 43.4, "busy": True}) == "40 ms (17–43), busy machine"
    assert timed(None) == "–"
