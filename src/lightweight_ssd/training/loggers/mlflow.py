"""MLflow: all runs of a folder in one local store, or on a tracking server."""

import logging
import os
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from lightweight_ssd.runs.files import RESULTS_FILE
from lightweight_ssd.system.json_file import read_json, write_json
from lightweight_ssd.training.loggers.guest import Guest, Picture, expect_package, flat, pictures_of

__all__ = ["OptionalMLflow"]

_STORE, _ARTIFACTS = "mlflow.db", "mlflow_artifacts"
_RUN_FILE = "mlflow.json"  # in the run's folder: which run it is in which store
_AT_ONCE = 100  # parameters; MLflow takes no more in one call
_LONGEST = 500  # letters of a parameter's value that every store takes


class OptionalMLflow(Guest, Logger):
    """Sends a run to MLflow; what goes wrong with it costs one warning.

    Lightning's own logger opens its store as soon as it is made, on every process and outside of anything that could
    catch its errors; this one does so when it is first used. `mlflow.json` in the run's folder says which run of which
    store it is; a run that goes on continues that one.

    Args:
        save_dir: Folder of the run.
        runs: Folder of all runs; without a server the store is `mlflow.db` in it, and pictures lie beside that.
        experiment_name: Under which runs stand together.
        tracking_uri: Of a server or a store; None takes `$MLFLOW_TRACKING_URI`, else the store in `runs`.
        run_name: None takes the name of the run's folder.

    Raises:
        ValueError: The package is not installed.
    """

    title = "MLflow"

    def __init__(
        self,
        save_dir: str,
        runs: str,
        experiment_name: str | None = None,
        tracking_uri: str | None = None,
        run_name: str | None = None,
    ) -> None:
        expect_package("mlflow", "mlflow")
        super().__init__()
        self.run_file = Path(save_dir) / _RUN_FILE
        self.folder = Path(runs).absolute()
        self.experiment_name, self.run_name = experiment_name or "adhoc", run_name or Path(save_dir).name
        self.given_uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        self.tracking_uri = self.given_uri or f"sqlite:///{self.folder / _STORE}"
        self.run_id: str | None = None
        self.opened: Any = None

    @property
    def name(self) -> str:
        return self.experiment_name

    @property
    def version(self) -> str:
        return self.run_id or ""

    @property
    def client(self) -> Any:
        """MLflow's client, with a run that it writes to; made when first asked for."""
        if self.opened is None:
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # on import it would report its use to its makers
            from mlflow.tracking import MlflowClient

            for name in ("mlflow", "alembic"):  # they tell of each table of a new store
                logging.getLogger(name).setLevel(logging.WARNING)
            if not self.given_uri:
                self.folder.mkdir(parents=True, exist_ok=True)
            self.opened = MlflowClient(self.tracking_uri)
            self._begin()
        return self.opened

    def _begin(self) -> None:
        if self.run_id is not None:
            self.opened.update_run(self.run_id, "RUNNING")
            return
        self.run_id = self.opened.create_run(self._experiment(), run_name=self.run_name).info.run_id
        write_json(self.run_file, {"tracking_uri": self.tracking_uri, "run_id": self.run_id})

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        known = self.opened.get_experiment_by_name(self.experiment_name)
        if known is not None:
            return known.experiment_id
        try:
            place = None if self.given_uri else (self.folder / _ARTIFACTS).as_uri()
            return self.opened.create_experiment(self.experiment_name, place)
        except MlflowException:  # another job of the sweep has just made it
            known = self.opened.get_experiment_by_name(self.experiment_name)
            if known is None:
                raise
            return known.experiment_id

    @rank_zero_only
    def resume(self, step: int) -> None:
        known = self.attempt(lambda: read_json(self.run_file)) or {}
        if known.get("tracking_uri") == self.tracking_uri:
            self.run_id = known["run_id"]

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.attempt(lambda: self._send_metrics(metrics, int(step or 0)))

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The configuration is sent by `send_config`."""

    @rank_zero_only
    def finalize(self, status: str) -> None:
        if self.opened is not None:
            self.attempt(
                lambda: self.client.set_terminated(self.run_id, "FAILED" if status == "failed" else "FINISHED")
            )

    def send_config(self, config: dict[str, Any], about: dict[str, Any], resumed_from: str | None) -> None:
        from mlflow.entities import Param, RunTag

        known = self.client.get_run(self.run_id).data.params  # it refuses another value for one of them
        rows = [Param(key, str(value)[:_LONGEST]) for key, value in flat(config).items() if key not in known]
        for first in range(0, len(rows), _AT_ONCE):
            self.client.log_batch(self.run_id, params=rows[first : first + _AT_ONCE])
        tags = {key: value for key, value in {**about, "resumed_from": resumed_from}.items() if value is not None}
        self.client.log_batch(self.run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()])

    def send_picture(self, name: str, picture: Picture, step: int) -> None:
        self.client.log_image(self.run_id, picture, f"{name}/step_{step:07d}.png")

    def send_results(self, metrics: dict[str, float], config: dict[str, Any], run_dir: Path, step: int) -> None:
        self._send_metrics(metrics, step)
        for file in pictures_of(run_dir):
            self.client.log_artifact(self.run_id, str(file), "pictures")
        self.client.log_artifact(self.run_id, str(run_dir / RESULTS_FILE))
        self.client.set_terminated(self.run_id)

    def _send_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        rows = [Metric(_allowed(name), float(value), now, step) for name, value in metrics.items()]
        self.client.log_batch(self.run_id, metrics=rows)


def _allowed(name: str) -> str:
    """With the letters that MLflow takes in the name of a metric; other ones become underscores.

    Example:
        >>> _allowed("test_ap_50/traffic light (red)")
        'test_ap_50/traffic light _red_'
    """
    return "".join(each if (each.isascii() and each.isalnum()) or each in "_/. -" else "_" for each in name)
