"""Starts a command: Hydra composes its configuration, we check it, and whatever is wrong is one sentence of ours."""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from hydra import version
from hydra._internal import hydra as application
from hydra._internal import utils
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.bare_arguments import with_keys
from lightweight_ssd.config.checked_settings import check_settings, without_other_parts
from lightweight_ssd.config.compose import keys_of_command
from lightweight_ssd.config.help_text import know_options
from lightweight_ssd.config.learning_rate import know_rates
from lightweight_ssd.config.overrides import as_meant
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.config.sentences import sentence_of
from lightweight_ssd.config.sweep_values import check_sweep
from lightweight_ssd.config.text_keys import read_keys_as_text

__all__ = ["as_exit", "compose_and_run", "run_application"]

_IN_PROCESSES = ("train", "evaluate")  # each job of their sweeps is a command of its own, which checks and says it


def run_application(
    task: Callable[[DictConfig], Any],
    config: str,
    command: str,
    key_of: Callable[[str], str] | None = None,
    several: str | None = None,
) -> None:
    """Runs a command with what was typed, or every job of its sweep.

    Args:
        task: Called with the composed configuration; a function of a module, since launchers send it to workers.
        config: Name of the command's configuration, such as `data_check`.
        command: What a sentence starts with, such as `lssd data check`.
        key_of: The key of an argument without one, where the command takes any.
        several: The key that takes more than one of them.

    Raises:
        SystemExit: With one sentence for what cannot be composed, does not exist, does not fit or goes wrong.
    """
    with one_sentence_errors(command):
        if key_of is not None:
            with as_exit(command):
                sys.argv[1:] = with_keys(sys.argv[1:], config, key_of, several)
        compose_and_run(task, config, command)


def compose_and_run(task: Callable[[DictConfig], Any], config: str, command: str) -> None:
    """The same for a command that says by itself what goes wrong in a sweep."""
    read_keys_as_text()
    know_options()
    know_rates()
    sys.argv[1:] = as_meant(sys.argv[1:], config)
    version.setbase("1.3")
    parser = utils.get_args_parser()
    vars(parser)["error"] = functools.partial(_refuse, command)
    arguments = parser.parse_intermixed_args()  # -m may stand anywhere
    checked = functools.update_wrapper(functools.partial(_run_checked, task, config, command), task)
    with _in_our_words(config, command, list(arguments.overrides)):
        utils._run_hydra(
            args=arguments, args_parser=parser, task_function=checked, config_path=str(CONF_DIR), config_name=config
        )


def _refuse(command: str, message: str) -> NoReturn:
    raise SystemExit(f"{command}: {message}; {command} --help lists what there is.")


def _run_checked(task: Callable[[DictConfig], Any], config: str, command: str, cfg: DictConfig) -> Any:
    """The task, or one job of it."""
    typed, is_job = list(HydraConfig.get().overrides.task), HydraConfig.get().mode == RunMode.MULTIRUN
    left_out = without_other_parts(cfg, typed)
    if is_job and config in _IN_PROCESSES:
        return task(cfg)
    with as_exit(command):
        check_settings(cfg, config, typed)
    if "LOCAL_RANK" not in os.environ:  # else one of the other processes of a run
        print("".join(f"{sentence}\n" for sentence in left_out), end="", flush=True)
    with one_sentence_errors(command):
        return task(cfg)


@contextmanager
def _in_our_words(config: str, command: str, typed: list[str]) -> Iterator[None]:
    """Hydra prints what is wrong in several lines and ends the process; here it raises, and we say it."""

    class Application(application.Hydra):
        def multirun(self, config_name: Any, task_function: Any, overrides: list[str], *more: Any, **named: Any) -> Any:
            def composed(some: list[str]) -> tuple[DictConfig, DictConfig]:
                cfg = self.compose_config(config_name, some, RunMode.RUN)
                hydra = cfg.hydra
                with open_dict(cfg):
                    del cfg["hydra"]
                return cfg, hydra

            with as_exit(command):
                check_sweep(composed, config, overrides)
            return super().multirun(config_name, task_function, overrides, *more, **named)

    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        yield
        return
    before = utils.run_and_report, application.Hydra
    setattr(utils, "run_and_report", lambda function: function())  # noqa: B010
    setattr(application, "Hydra", Application)  # noqa: B010
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        sentence = sentence_of(error, config, typed, lambda: keys_of_command(config, typed))
        print(f"{command}: {sentence}", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        setattr(utils, "run_and_report", before[0])  # noqa: B010
        setattr(application, "Hydra", before[1])  # noqa: B010


@contextmanager
def as_exit(command: str) -> Iterator[None]:
    """A setting that does not exist or does not fit needs no traceback."""
    try:
        yield
    except ValueError as error:
        print(f"{command}: {error}", file=sys.stderr)
        raise SystemExit(1) from None
