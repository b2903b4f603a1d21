"""The help of a command, from its file in `conf/hydra/help`, without composing the whole configuration for it."""

from omegaconf import OmegaConf

from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["help_text"]


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
    chosen = OmegaConf.load(CONF_DIR / "hydra" / "help" / f"{name}.yaml")
    return OmegaConf.create({"hydra": {"help": chosen}}).hydra.help.template
