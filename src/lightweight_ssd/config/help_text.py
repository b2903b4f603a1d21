"""The help of a command, from its file in `conf/hydra/help`, without composing the whole configuration for it.

What a config group offers is not written there: `${options:neck}` stands for the options that there are, so that no
help can lack one.
"""

from omegaconf import OmegaConf

from lightweight_ssd.config.paths import CONF_DIR, options_of

__all__ = ["help_text", "know_options"]

_WIDTH = 120


def help_text(name: str) -> str:
    """What `lssd COMMAND --help` prints.

    Hydra prints the same text, but lists the options of all config groups first, in case a template asks for them,
    which takes a second or two. None of ours does.

    Args:
        name: Of the command's file, such as `data_check`.

    Returns:
        The template with its header and its footer.

    Raises:
        FileNotFoundError: The command has no such file.
    """
    know_options()
    chosen = OmegaConf.load(CONF_DIR / "hydra" / "help" / f"{name}.yaml")
    return OmegaConf.create({"hydra": {"help": chosen}}).hydra.help.template


def know_options() -> None:
    """Lets a configuration name the options of a group: `${options:neck}`, or `${options:data,9}` from column 9 on."""
    OmegaConf.register_new_resolver("options", _options, replace=True)


def _options(group: str, column: int = 0) -> str:
    """The options of a group, separated by bars; continued below `column` where a line is full."""
    lines = [""]
    for option in options_of(group):
        if column and len(lines[-1]) + len(option) + 1 > _WIDTH - column:
            lines.append("")
        lines[-1] += f"{option}|"
    return f"\n{' ' * column}".join(lines).rstrip("|")
