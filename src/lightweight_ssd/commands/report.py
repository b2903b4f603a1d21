"""`lssd report`: compares runs from their folders alone: tables with intervals, figures, and one page."""

import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.overrides import hydra_arguments
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd report`."""
    sys.argv[1:] = hydra_arguments(sys.argv[1:])
    _main()


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="report")
def _main(cfg: DictConfig) -> None:
    from lightweight_ssd.report.build import build_report

    with one_sentence_errors("lssd report"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        _check(config)
        if config["watch"]:
            _watch(config)
        else:
            payload = build_report(config, tell=partial(print, file=sys.stderr))
            _print_summary(payload, Path(config["output"]))


def _watch(config: dict[str, Any]) -> None:
    """Serves the report until Ctrl-C."""
    from lightweight_ssd.report.build import build_report, run_roots
    from lightweight_ssd.report.plot_files import write_plots
    from lightweight_ssd.report.server import rebuild_on_change, serve
    from lightweight_ssd.system.json_file import write_json
    from lightweight_ssd.system.output_folder import make_output_folder

    output = make_output_folder(config["output"])

    drawn: set[str] = set()

    def build() -> None:
        nonlocal drawn
        payload = build_report(config, pictures=False)
        write_json(output / "version.json", {"version": payload["version"]})
        finished = {run["id"] for run in payload["runs"] if run["state"] == "finished"}
        if finished != drawn:
            write_plots(payload, output / "plots")
            drawn = finished
        states = [run["state"] for run in payload["runs"]]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        print(f"{time.strftime('%H:%M:%S')}  {counts}", flush=True)

    with serve(output, config["port"]) as address:
        print(f"watching {', '.join(run_roots(config))}; the page is at {address} (Ctrl-C ends)", flush=True)
        try:
            rebuild_on_change(build, run_roots(config), float(config["every"]), threading.Event(), _say)
        except KeyboardInterrupt:
            print(f"\nended; the report stays in {output}")


def _say(sentence: str) -> None:
    print(f"lssd report: {sentence}", file=sys.stderr, flush=True)


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
