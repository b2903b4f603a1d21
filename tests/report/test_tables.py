"""The tables say what the payload says, mark what is not significant, and keep foreign text text."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from tests.run_folders import COMMIT, TABLE, draw_scene, write_run_folder, write_table

from lightweight_ssd.report.comparison import compare
from lightweight_ssd.report.console_table import short_table
from lightweight_ssd.report.payload import build_payload
from lightweight_ssd.report.tables import markdown_report, rows_csv, runs_csv
from lightweight_ssd.runs.record import find_runs


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("tables")
    write_table(folder, num_images=40)
    write_table(folder, TABLE[:1], seeds=(0,), num_images=40, experiment="other | <b>")
    scene = draw_scene(folder / "images", 40)
    reason = "ValueError: loss | is\nNaN"
    write_run_folder(folder / "necks" / "bad", TABLE[2], 2, scene, state="failed", error=reason, hour=8)
    return build_payload(compare(find_runs([folder]), folder / "cache", resamples=200), max_images=0)


def _lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_main_table(payload: dict[str, Any]) -> None:
    text = markdown_report(payload)
    baseline, _, *necks = text.split("## necks")[1].split("##")[0].strip().splitlines()
    assert baseline == "The baseline is **FPN**."
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in necks]
    heads = ["row", "seeds", "test mAP@0.5", "Δ vs. baseline (95 % CI)", "mAP@0.5 (11-pt)", "mAP@[.5:.95]"]
    heads += ["mAP@0.5, grayscale", "parameters"]
    assert cells[0][:8] == heads and [line[0] for line in cells[2:]] == ["SSD (necks)", "FPN", "CFPN"]
    ssd, fpn, cfpn = cells[2:]
    row = payload["rows"][0]
    mean, std = (100 * row["metrics"]["map_50"][key] for key in ("mean", "std"))
    assert ssd[1:3] == ["2", f"{mean:.1f} ± {std:.1f}"] and cfpn[1] == "2 of 3"
    low, high = (f"{100 * row['difference'][key]:+.1f}".replace("-", "−") for key in ("low", "high"))
    assert f"[{low}, {high}]" in ssd[3] and "n.s." not in ssd[3]
    assert fpn[3] == "baseline" and cfpn[3].endswith("n.s.")
    assert ssd[7:] == ["4.16 M", "1.2 G", "12.5 ms (12.0–14.0)", "24 min", "70.5", "4.16 M"]


def test_coco_figures_stand_where_a_row_has_them(payload: dict[str, Any]) -> None:
    assert "COCO" not in markdown_report(payload)
    measured = {"mean": 0.2234, "std": 0.001, "n": 3}
    rows = [
        {**row, "metrics": {**row["metrics"], "coco_ap": measured}, "paper": {"map_coco": 0.193}}
        for row in payload["rows"]
    ]
    text = markdown_report({**payload, "rows": rows})
    assert (
        "| mAP@[.5:.95] | COCO AP | mAP@0.5, grayscale |" in text
        and "| 22.3 ± 0.1 |" in text
        and "by COCO's rules" in text
    )
    assert "| paper COCO AP |" in text and "| 19.3 |" in text and "paper mAP@0.5" not in text
    assert {line["coco_ap_mean"] for line in _lines(rows_csv({**payload, "rows": rows}))} == {"0.2234"}


def test_one_seed_stands_without_plus_minus(payload: dict[str, Any]) -> None:
    other = markdown_report(payload).split("## other \\| &lt;b&gt;")[1].split("##")[0]
    assert "| SSD (other \\| &lt;b&gt;) | 1 |" in other and "±" not in other
    assert "baseline" not in other  # the row has nothing to be compared with


def test_the_other_parts(payload: dict[str, Any]) -> None:
    text = markdown_report(payload)
    for heading in ("type of error", "object size", "Grayscale vs. color", "Not in the table", "Notes", "computed"):
        assert heading in text
    assert text.split("\n\n")[2] == "Not in the table: 1 failed."
    folded = text.split("## Not in the table")[1]
    assert "<details><summary>Not in the table: 1 failed.</summary>" in folded
    assert "| necks: CFPN (seed 2) | failed | ValueError: loss \\| is NaN |" in folded and "train.log |" in folded
    assert "200 resamples" in text and "<b>" not in text
    assert all(f"- {note.split('|')[0][:20]}" in text for note in payload["notes"])


def test_rows_as_raw_numbers(payload: dict[str, Any]) -> None:
    lines = _lines(rows_csv(payload))
    assert [line["label"] for line in lines][:3] == ["SSD (necks)", "FPN", "CFPN"]
    for line, row in zip(lines, payload["rows"], strict=True):
        assert float(line["map_50_mean"]) == row["metrics"]["map_50"]["mean"]
        assert line["difference_shown"] == ("" if row["difference"] is None else str(row["difference"]["shown"]))
    assert lines[3]["map_50_std"] == "" and [line["baseline"] for line in lines] == ["False", "True", "False", "False"]
    assert [line["compared_with"] for line in lines] == ["FPN", "", "FPN", ""]


def test_every_run_carries_commit_config_seed_and_log(payload: dict[str, Any]) -> None:
    lines = _lines(runs_csv(payload))
    assert len(lines) == 8 and {line["commit"] for line in lines} == {COMMIT}
    for line, run in zip(lines, payload["runs"], strict=True):
        assert (line["config_hash"], line["seed"], line["folder"]) == (run["id"], str(run["seed"]), run["folder"])
        assert Path(line["log"]).is_file() and "experiment=" in line["overrides"]
    bad = next(line for line in lines if line["state"] == "failed")
    assert bad["map_50"] == "" and bad["error"] == "ValueError: loss | is\nNaN"


def test_the_table_on_the_console(payload: dict[str, Any]) -> None:
    necks, other = (block.splitlines() for block in short_table(payload).split("\n\n"))
    assert (
        necks[0] == "necks"
        and necks[1].split(maxsplit=4) == ["row", "seeds", "test", "mAP@0.5", "Δ vs. baseline (95 % CI)"]
        and len(necks) == 5
    )
    assert "baseline" in necks[3] and necks[4].startswith("CFPN") and necks[4].endswith("n.s.")
    assert other[0] == "other | <b>" and other[2].endswith("–") and "−" in necks[2] and "-" not in necks[2]


def test_scales_of_one_experiment_stand_apart(payload: dict[str, Any]) -> None:
    rows = [{**row, "experiment": "necks"} for row in payload["rows"]]
    rows[3] = {**rows[3], "scale": "full"}
    changed = {**payload, "rows": rows}
    assert "## necks, scale=smoke\n" in markdown_report(changed) and "\n\nnecks, scale=full\n" in short_table(changed)


def test_jobs_that_left_no_run_are_among_the_failed(payload: dict[str, Any]) -> None:
    job = {"name": "necks: neck=none", "kind": "failed", "reason": "ValueError: no", "log": None, "place": None}
    text = markdown_report({**payload, "left_out": [job]})
    assert "| necks: neck=none | failed | ValueError: no | – |" in text


def test_runs_under_way_are_named_with_their_progress(payload: dict[str, Any]) -> None:
    run = {**payload["runs"][0], "state": "running", "step": 3, "total_steps": 40}
    text = markdown_report({**payload, "runs": [run], "left_out": []})
    assert "| necks: SSD (necks) (seed 0) | running | at step 3 of 40 |" in text


def test_a_busy_machine_and_a_checkpoint_chosen_on_the_test_images_are_marked(payload: dict[str, Any]) -> None:
    busy = {**payload["rows"][0]["latency"], "busy": True}
    rows = [{**row, "latency": busy, "chosen_on_test": True} for row in payload["rows"]]
    text, lines = markdown_report({**payload, "rows": rows}), _lines(rows_csv({**payload, "rows": rows}))
    assert "(12.0–14.0), busy machine |" in text and " † |" in text and " † " in short_table({**payload, "rows": rows})
    assert {line["latency_busy"] for line in lines} == {"True"} == {line["chosen_on_test"] for line in lines}


def test_columns_without_any_value_are_left_out(payload: dict[str, Any]) -> None:
    rows = [{**row, "paper": None, "metrics": {**row["metrics"], "macs": None}} for row in payload["rows"]]
    text = markdown_report({**payload, "rows": rows})
    assert "MACs" not in text and "paper" not in text and "| parameters |" in text


def test_gray_images_against_color(payload: dict[str, Any]) -> None:
    lines = markdown_report(payload).split("## Grayscale vs. color")[1].split("##")[0].strip().splitlines()[4:]
    cells = [line.strip("| ").split(" | ") for line in lines]
    figures = payload["rows"][0]["metrics"]
    change = 100 * (figures["gray_map_50"]["mean"] - figures["map_50"]["mean"])
    assert cells[0][3] == f"{change:+.1f}".replace("-", "−") and cells[1][4] == "baseline"


def test_what_the_paper_s_numbers_are_stands_below_the_table(payload: dict[str, Any]) -> None:
    assert "What the paper's numbers are" not in markdown_report(payload)
    rows = [{**row, "note": "A count for COCO." if row["label"] == "FPN" else None} for row in payload["rows"]]
    text = markdown_report({**payload, "rows": rows})
    assert "\n\nWhat the paper's numbers are:\n\n- FPN: A count for COCO.\n\n" in text
    notes = [line["note"] for line in _lines(rows_csv({**payload, "rows": rows}))]
    assert list(filter(None, notes)) == ["A count for COCO."]
