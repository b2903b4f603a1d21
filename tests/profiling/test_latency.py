"""One image's time: what is reported and that the process is left as it was."""

import torch
from tests.command_line import tiny_config

from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.profiling.latency import latency


def test_reports_medians_and_what_they_were_measured_on() -> None:
    detector = build_detector(tiny_config(), ["a", "b"]).eval()
    threads = torch.get_num_threads()
    measured = latency(detector, [64, 64], threads=1, warmup=0, repeats=3)
    assert 0 < measured["p10_ms"] <= measured["ms"] <= measured["p90_ms"]
    assert measured["predict_ms"] > 0 and measured["threads"] == 1 and measured["device_type"] == "cpu"
    assert torch.get_num_threads() == threads
