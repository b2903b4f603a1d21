"""What Hydra says of a configuration that it cannot compose, in one sentence of ours."""

import re
from collections.abc import Callable, Sequence

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from lightweight_ssd.config.checked_settings import names_at_the_top
from lightweight_ssd.config.nearest import advice, no_such_key
from lightweight_ssd.config.paths import CONF_DIR, options_of, options_of_groups

__all__ = ["sentence_of"]

_DOCUMENTATION = re.compile(r"\nSee https?://\S+ for details")
_NO_SUCH_KEY = re.compile(r"(?:In '[^']+': )?Could not (?:override|delete from config\.|delete) '([^'=]+)(?:=[^']*)?'")
_THERE_ALREADY = re.compile(r"Could not append to config\. An item is already at '([^']+)'")
_FULL_KEY = re.compile(r"full_key: (\S+)")
_MERGING = re.compile(r"Error merging override (.*)", re.DOTALL)


def sentence_of(error: Exception, config: str, overrides: Sequence[str], known: Callable[[], set[str]]) -> str:
    """One sentence for what Hydra says in several lines.

    Args:
        error: Of Hydra or OmegaConf.
        config: Name of the command's configuration.
        overrides: As typed.
        known: The dotted keys that there are, asked for only where they are needed.
    """
    if isinstance(error, MissingConfigException):
        return _no_such_option(error, config)
    message = _DOCUMENTATION.sub("", str(error))
    if found := _NO_SUCH_KEY.match(message):
        inside = _FULL_KEY.search(str(error.__cause__))
        key = inside[1] if inside and inside[1].startswith(f"{found[1]}.") else found[1].partition("@")[0]
        return _no_such_key(key, overrides, known(), message)
    if found := _THERE_ALREADY.match(message):
        value = _given(overrides).get(found[1], "…")
        return f"There is a key {found[1]} already: give {found[1]}={value} without the +."
    if found := _MERGING.match(message):
        cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else None
        why = str(cause).splitlines()[0] if cause else "it does not fit"
        return f"Expected {found[1]} to fit what is configured there, but it does not: {why}."
    if isinstance(error, OverrideParseException) and "=" not in error.override:
        groups = [name for name in sorted(names_at_the_top(config)) if error.override in options_of(name)]
        meant = f": did you mean {groups[0]}={error.override}?" if groups else "."
        return f"Expected settings such as key=value but got {error.override}{meant}"
    said = " ".join(line.strip() for line in message.splitlines() if line.strip())
    if isinstance(error, OverrideParseException) and not error.override.isascii() and "NoViableAlt" in said:
        return (
            f"Expected quotes around text with letters outside ASCII but got {error.override}; write it as in "
            """'data.classes=["Kätzchen, klein", "人"]'."""
        )
    if isinstance(error, OverrideParseException):
        return f"Expected settings such as key=value but got {error.override}: {said}"
    return said


def _no_such_option(error: MissingConfigException, config: str) -> str:
    """One sentence for an option, or a command's configuration, that does not exist."""
    if error.options is None:
        asked, known = str(error.missing_cfg_file or config), sorted(path.stem for path in CONF_DIR.glob("*.yaml"))
        return f"There is no configuration {asked!r}: {advice(asked, known)}"
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    return f"There is no option {option!r} of {group}: {advice(option, error.options)}"


def _no_such_key(key: str, overrides: Sequence[str], known: set[str], message: str) -> str:
    if key in known:
        return f"Expected {key} as configured but got another kind of value: {message.splitlines()[-1]}"
    return no_such_key(key, _given(overrides).get(key, ""), known, options_of_groups(known))


def _given(overrides: Sequence[str]) -> dict[str, str]:
    return {name.lstrip("+~"): value for name, _, value in (each.partition("=") for each in overrides)}
