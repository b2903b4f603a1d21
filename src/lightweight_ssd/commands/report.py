"""`lssd report`: compares runs from their folders alone: tables with intervals, figures, and one page."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors, quoted
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["build_report", "hydra_arguments", "main"]

_TAKES_A_VALUE = (
    "--cfg",
    "-c",
    "--package",
    "-p",
    "--config-path",
    "-cp",
    "--config-name",
    "-cn",
    "--config-dir",
    "-cd",
)


def main() -> None:
    """Entry point of `lssd report`."""
    sys.argv[1:] = hydra_arguments(sys.argv[1:])
    _main()


def hydra_arguments(arguments: Sequence[str]) -> list[str]:
    """What was typed as Hydra reads it: folders become `runs=[…]`, `--watch` becomes `watch=true`, labels are quoted.

    Args:
        arguments: Without the name of the command. A folder is what has no `=` in it, or what is there as a folder.

    Example:
        >>> hydra_arguments(["runs/table4", "baseline=FPN", "--watch"])
        ['baseline="FPN"', 'watch=true', 'runs=["runs/table4"]']
    """
    folders, rest, before = [], [], ""
    for argument in arguments:
        key, _, value = argument.partition("=")
        if argument == "--watch":
            rest.append("watch=true")
        elif before in _TAKES_A_VALUE or argument.startswith("-"):
            rest.append(argument)
        elif "=" not in argument or Path(argument).is_dir():
            folders.append(_quoted(argument))
        elif key == "baseline" and value != "null":  # a label may hold anything, such as `BLL + GrayMixRGB`
            rest.append(f"baseline={_quoted(value)}")
        else:
            rest.append(argument)
        before = argument
    return [*rest, f"runs=[{','.join(folders)}]"] if folders else rest


def _quoted(text: str) -> str:
    """As Hydra reads it back, whatever is in it; what the user has quoted already stays."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text
    return quoted(text)


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="report")
def _main(cfg: DictConfig) -> None:
    with one_sentence_errors("lssd report"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        _check(config)
        if config["watch"]:
            _watch(config)
        else:
            payload = build_report(config, tell=partial(print, file=sys.stderr))
            _print_summary(payload, Path(config["output"]))


def build_report(
    config: dict[str, Any], tell: Callable[[str], None] = lambda line: None, pictures: bool = True
) -> dict[str, Any]:
    """Reads the runs, compares them and writes everything.

    Args:
        config: As composed from `conf/report.yaml`, plain containers.
        tell: Called with a line for each run that has to be analysed.
        pictures: Whether to draw the figures, which takes longer than all the rest if nothing new is to be analysed.

    Returns:
        The page's payload.

    Raises:
        ValueError, FileNotFoundError: If there are no runs, no row of the baseline's name, or no place to write.
    """
    from lightweight_ssd.report.comparison import compare
    from lightweight_ssd.report.page.html import write_page
    from lightweight_ssd.report.payload import build_payload
    from lightweight_ssd.report.plot_files import write_pictures
    from lightweight_ssd.report.tables import markdown_report, rows_csv, runs_csv
    from lightweight_ssd.runs.record import find_runs
    from lightweight_ssd.sweeps.notes import sweep_notes
    from lightweight_ssd.system.atomic_write import write_whole
    from lightweight_ssd.system.output_folder import make_output_folder

    roots = _roots(config)
    runs = find_runs(roots)
    if not runs:
        raise ValueError(f"Expected runs in {', '.join(roots)} but found none; name a folder that lssd train wrote to.")
    output = make_output_folder(config["output"])
    settings = {key: config[key] for key in ("baseline", "resamples", "seed", "workers")}
    comparison = compare(runs, output / "cache", tell=tell, **settings)
    images = Path(config["images"]) if config["images"] else None
    payload = build_payload(comparison, config["max_images"], images, config["watch"], sweep_notes(roots, runs))
    payload["version"] = str(time.time_ns())
    for name, text in {"report.md": markdown_report, "report.csv": rows_csv, "runs.csv": runs_csv}.items():
        write_whole(output / name, text(payload).encode(), shared=True)
    if pictures:
        write_pictures(payload, output / "figures")
    write_page(output / "index.html", payload)
    return payload


def _watch(config: dict[str, Any]) -> None:
    """Serves the report until Ctrl-C."""
    from lightweight_ssd.report.plot_files import write_pictures
    from lightweight_ssd.report.server import rebuild_on_change, serve
    from lightweight_ssd.runs.status import write_json
    from lightweight_ssd.system.output_folder import make_output_folder

    output = make_output_folder(config["output"])

    drawn: set[str] = set()

    def build() -> None:
        nonlocal drawn
        payload = build_report(config, pictures=False)
        write_json(output / "version.json", {"version": payload["version"]})
        finished = {run["id"] for run in payload["runs"] if run["state"] == "finished"}
        if finished != drawn:
            write_pictures(payload, output / "figures")
            drawn = finished
        states = [run["state"] for run in payload["runs"]]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        print(f"{time.strftime('%H:%M:%S')}  {counts}", flush=True)

    with serve(output, config["port"]) as address:
        print(f"watching {', '.join(_roots(config))}; the page is at {address} (Ctrl-C ends)", flush=True)
        try:
            rebuild_on_change(build, _roots(config), float(config["every"]), threading.Event(), _say)
        except KeyboardInterrupt:
            print(f"\nended; the report stays in {output}")


def _say(sentence: str) -> None:
    print(f"lssd report: {sentence}", file=sys.stderr, flush=True)


def _roots(config: dict[str, Any]) -> list[str]:
    runs = config["runs"]
    return [str(each) for each in ([runs] if isinstance(runs, str) else runs)] or ["runs"]


def _check(config: dict[str, Any]) -> None:
    """Settings that would fail late, after minutes of work."""
    for key, least in {"resamples": 1, "max_images": 0, "port": 0, "seed": 0, "workers": 1}.items():
        if key == "workers" and config[key] is None:
            continue
        if not isinstance(config[key], int) or config[key] < least:
            raise ValueError(f"Expected a whole number from {least} on but got {key}={config[key]}; set {key}.")
    if not isinstance(config["every"], int | float) or not config["every"] > 0:
        raise ValueError(f"Expected seconds above 0 but got every={config['every']}; give for example every=5.")
    if config["images"] and not Path(config["images"]).is_dir():
        raise ValueError(f"Expected a folder of image files but there is none at images={config['images']}; name one.")


def _print_summary(payload: dict[str, Any], output: Path) -> None:
    from lightweight_ssd.report.tables import short_table

    print(short_table(payload))
    if payload["notes"]:
        print("\n" + "\n".join(f"note: {note}" for note in payload["notes"]))
    print(f"\npage:     {output / 'index.html'}\ntables:   {output / 'report.md'}, report.csv, runs.csv")
    print(f"figures:  {output / 'figures'}")
