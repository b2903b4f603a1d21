"""`lssd -sc install=bash`: completion of commands, config groups, options and keys with Tab, in bash.

The script that it prints asks this file at every Tab. So nothing is imported here that takes time, and the
configurations are read as plain YAML: a key that only a composition would bring is not offered.
"""

import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from lightweight_ssd.config.paths import CONF_DIR, options_of

__all__ = ["candidates", "main"]

_SCRIPT = """\
_lssd() {
  local IFS=$'\\n'
  COMPREPLY=($(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" LSSD_WORDBREAKS="$COMP_WORDBREAKS" \\
    "${COMP_WORDS[0]}" -sc query=bash 2>/dev/null))
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=.] ]] && compopt -o nospace
  return 0
}
complete -o default -F _lssd lssd
"""
_OPTIONS = ("--help", "--cfg", "--config-dir", "-m")
_USAGE = """lssd: completion is there for bash; put this line into ~/.bashrc: eval "$(lssd -sc install=bash)\""""


def main(commands: Collection[str]) -> None:
    """Prints the script, what undoes it, or the candidates for the line in the environment.

    Args:
        commands: All of `lssd`, such as `data check`.

    Raises:
        SystemExit: For another shell, with what to type.
    """
    asked = sys.argv[-1]
    if asked == "install=bash":
        print(_SCRIPT, end="")
    elif asked == "uninstall=bash":
        print("complete -r lssd; unset -f _lssd")
    elif asked == "query=bash":
        line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT") or 10**6)]
        for each in candidates(line, commands, os.environ.get("LSSD_WORDBREAKS", "=")):
            print(each)
    else:
        raise SystemExit(_USAGE)


def candidates(line: str, commands: Collection[str], breaks: str = "=") -> list[str]:
    """What can follow in a line, from its last word on; empty where a file is meant.

    Args:
        line: Up to the cursor, beginning with the program.
        commands: All that there are.
        breaks: The characters at which the shell begins a new word; of `neck=f` bash completes the `f` alone.

    Example:
        >>> candidates("lssd train neck=cf", ["train"]), candidates("lssd tr", ["train", "report"])
        (['cfpn'], ['train'])
    """
    *before, word = line.split(" ") if line else [""]
    typed = [each for each in before[1:] if each]
    found = sorted({each for each in _following(typed, word, commands) if each.startswith(word)})
    cut = max((word.rfind(letter) for letter in breaks if letter in "=:"), default=-1) + 1
    return [each[cut:] for each in found]


def _following(typed: list[str], word: str, commands: Collection[str]) -> Iterator[str]:
    command = next((name for name in commands if name.split() == typed[: len(name.split())]), None)
    if command is None:
        yield from (
            name.split()[len(typed)] for name in commands if name.split()[: len(typed)] == typed != name.split()
        )
        yield from () if typed else ("--help", "--version")
    elif command == "config":
        yield from (folder.name for folder in CONF_DIR.iterdir() if folder.is_dir() and folder.name != "hydra")
    else:
        yield from _settings(command.replace(" ", "_"), word)


def _settings(config: str, word: str) -> Iterator[str]:
    """Options, keys with their `=`, and after it the options of a group, or true and false."""
    content, groups = _content(config)
    key, equals, value = word.partition("=")
    prefix, plain = key[: len(key) - len(key.lstrip("+~"))], key.lstrip("+~")
    if equals:
        first = f"{key}={value[: value.rfind(',') + 1]}"
        known = options_of(plain) if plain in groups else ()
        yield from (f"{first}{each}" for each in known)
        yield from (f"{key}={each}" for each in ("true", "false") if isinstance(_at(content, plain), bool))
        return
    yield from _OPTIONS
    yield from (f"{prefix}{group}=" for group in groups)
    yield from (f"{prefix}{each}" for each in _keys(content, plain))


def _keys(content: dict[str, Any], word: str) -> Iterator[str]:
    """One level of keys at a time: those of a mapping follow after its dot."""
    at = word.rpartition(".")[0]
    node = _at(content, at) if at else content
    for key, value in node.items() if isinstance(node, dict) else ():
        if not str(key).startswith("_"):
            yield f"{at}.{key}".lstrip(".") + ("." if isinstance(value, dict) and value else "=")


def _at(content: Any, key: str) -> Any:
    for part in key.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _content(config: str) -> tuple[dict[str, Any], list[str]]:
    """A command's settings, with those of all options of its groups, and these groups."""
    content = _read(CONF_DIR / f"{config}.yaml")
    groups: list[str] = []
    merged: dict[str, Any] = {}
    for entry in content.pop("defaults", ()):
        if isinstance(entry, str) and entry != "_self_":
            more, inherited = _content(entry)
            merged, groups = _merged(merged, more), [*groups, *inherited]
        elif isinstance(entry, dict):
            groups += [name for name in entry if not name.startswith("override ") and "@" not in name]
    content.pop("hydra", None)
    for group in groups:
        for file in (CONF_DIR / group).glob("*.yaml"):
            if "@package _global_" not in (text := file.read_text()):
                merged = _merged(merged, {group: _without_defaults(yaml.load(text, _Loader) or {})})
    return _merged(merged, content), groups


def _without_defaults(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "defaults"}


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(one[key], other[key]) for key in one.keys() & other.keys() if _are_mappings(one[key], other[key])
    }
    return {**one, **other, **both}


def _are_mappings(*values: Any) -> bool:
    return all(isinstance(each, dict) for each in values)


def _read(file: Path) -> dict[str, Any]:
    return yaml.load(file.read_text(), _Loader) or {}


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
