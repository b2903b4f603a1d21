"""Run folders from somebody else, given to `lssd report`: their text is shown as text, and they open no other file."""

import csv
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.command_line import run_command
from tests.run_folders import TABLE, write_table

from lightweight_ssd.report.build import Report, build_report

REFERENCE = "${oc.env:LSSD_TEST_HARMLESS}"
FORMULA = "=1+1"
MARKUP = "[red]a[/red] b$c$ <b>d</b> [e](f) ![g](h) |i"
CONTROL = "a\x1b[7mb"
SCRIPT = "</script><!-- \u2028"


@pytest.fixture(autouse=True)
def harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSSD_TEST_HARMLESS", "looked up")


def change(file: Path, **values: Any) -> None:
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, **values}))


def report_on(folder: Path, prepare: Callable[[list[Path]], None], plots: bool = False) -> Report:
    """The report on two rows of one run each, after `prepare` has changed their folders."""
    prepare(write_table(folder / "runs", TABLE[:2], seeds=(0,)))
    return build_report(folder / "runs", folder / "report", resamples=10, plots=plots)


def payload_of(page: Path) -> dict[str, Any]:
    """What the scripts of a page read."""

    class Payload(HTMLParser):
        inside, text = False, ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.inside = dict(attrs).get("id") == "payload"

        def handle_data(self, data: str) -> None:
            self.text += data if self.inside else ""

    parser = Payload()
    parser.feed(page.read_text())
    return json.loads(parser.text)


def name_rows(first: str, second: str) -> Callable[[list[Path]], None]:
    def prepare(folders: list[Path]) -> None:
        for folder, label in zip(folders, (first, second), strict=True):
            change(folder / "identity.json", label=label, overrides=[f"+{label}=1"])

    return prepare


def test_nothing_in_a_text_is_looked_up(tmp_path: Path) -> None:
    def prepare(folders: list[Path]) -> None:
        name_rows(REFERENCE, "b")(folders)
        config = yaml.safe_load((folders[0] / "config.yaml").read_text())
        config["neck"] = {"_target_": "os.getcwd", "width": REFERENCE}
        (folders[0] / "config.yaml").write_text(yaml.safe_dump(config))

    report = report_on(tmp_path, prepare)
    shown = payload_of(report.page)
    config = shown["configs"][shown["rows"][0]["id"]]
    assert (config["neck._target_"], config["neck.width"]) == ("os.getcwd", REFERENCE)
    assert shown["rows"][0]["label"] == REFERENCE
    for path in (report.page, report.markdown, report.rows_csv, report.runs_csv):
        assert "looked up" not in path.read_text()


def test_a_tag_of_yaml_makes_no_object(tmp_path: Path) -> None:
    def prepare(folders: list[Path]) -> None:
        (folders[0] / "config.yaml").write_text("seed: !!python/object/apply:os.getcwd []\n")

    report = report_on(tmp_path, prepare)
    assert "config.yaml cannot be read" in json.dumps(payload_of(report.page))


@pytest.mark.parametrize("name", [FORMULA, "+1", "-a", "@a", "\ta"])
def test_a_spreadsheet_computes_nothing(name: str, tmp_path: Path) -> None:
    report = report_on(tmp_path, name_rows(f"{name} a", "b"))
    for path in (report.rows_csv, report.runs_csv):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows[0]["label"] == f"'{name} a".replace("\t", "\t")
        cells = [cell for row in rows for cell in row.values() if not re.fullmatch(r"-?[\d.e-]+|", cell)]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
    with report.rows_csv.open(newline="") as file:
        assert [float(row["difference_mean"]) for row in csv.DictReader(file) if row["difference_mean"]]


def test_markdown_shows_markup(tmp_path: Path) -> None:
    text = report_on(tmp_path, name_rows(MARKUP, "# b")).markdown.read_text()
    assert r"| [red]a[/red] b\$c\$ &lt;b&gt;d&lt;/b&gt; [e]\(f) \![g]\(h) \|i |" in text
    assert not re.search(r"(?<!\\)(\]\(|!\[|\$)", text) and "\n- #" not in text


def test_the_page_and_its_plots_show_it_too(tmp_path: Path) -> None:
    report = report_on(tmp_path, name_rows(f"{MARKUP} {SCRIPT}", r"$\frac{1}$"), plots=True)
    assert payload_of(report.page)["rows"][0]["label"] == f"{MARKUP} {SCRIPT}"
    assert len(re.findall(r"</script", report.page.read_text())) == 4
    assert list(report.plots.glob("*.svg"))


def test_a_terminal_obeys_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = write_table(tmp_path / "runs", TABLE[:2], seeds=(0,))
    name_rows(f"{CONTROL} [red]c[/red]", "b")(folders)
    (folders[1] / "detections.json").unlink()
    folders[1].rename(folders[1].with_name(CONTROL))
    ended = run_command(monkeypatch, capsys, "report", "runs=runs", "resamples=10")
    assert ended.code is None and "a\ufffd[7mb [red]c[/red]" in ended.out
    assert "\x1b" not in ended.out + ended.err


@pytest.mark.parametrize("name", ["config.yaml", "status.json", "environment.json", "overrides.yaml"])
def test_a_link_out_of_the_folder_is_not_followed(name: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text('{"commit": "a secret", "error": "a secret", "neck": "a secret"}')

    def prepare(folders: list[Path]) -> None:
        if name == "overrides.yaml":
            outside.write_text("- neck=a secret\n")
            (folders[0] / "identity.json").unlink()
        (folders[0] / name).unlink()
        (folders[0] / name).symlink_to(outside)

    report = report_on(tmp_path, prepare)
    assert "a secret" not in json.dumps(payload_of(report.page)) + report.markdown.read_text()
    if name != "overrides.yaml":
        assert f"{name} cannot be read (it is a link to another folder)" in json.dumps(payload_of(report.page))


def test_a_link_inside_it_is(tmp_path: Path) -> None:
    def prepare(folders: list[Path]) -> None:
        (folders[0] / "environment.json").rename(folders[0] / "kept.json")
        (folders[0] / "environment.json").symlink_to("kept.json")

    assert "link to another folder" not in json.dumps(payload_of(report_on(tmp_path, prepare).page))


def test_a_text_that_is_named_as_an_image_is_not_on_the_page(tmp_path: Path) -> None:
    outside = tmp_path / "hostname"
    outside.write_text("a secret")

    def prepare(folders: list[Path]) -> None:
        for file in (folder / "ground_truth.json" for folder in folders):
            images = json.loads(file.read_text())["images"]
            change(file, images=[{**image, "path": str(outside)} for image in images])

    report = report_on(tmp_path, prepare)
    images = payload_of(report.page)["images"]
    assert images and all(image["src"] is None for image in images)
    assert "a secret" not in report.page.read_text()
    assert any("cannot be read" in note for note in report.notes)
