"""Configuration files whose keys look like numbers, such as the years of VOC: `{2007: train}` means `{"2007": train}`.

YAML makes a number of such a key and text of the same key in quotes, and a mapping may hold both. Overrides know text
alone. Hydra reads every file by way of the class below, so that each command has text, wherever the file lies.
"""

import copy
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

__all__ = ["FileConfigSource", "read_keys_as_text", "with_text_keys"]


class FileConfigSource(file_config_source.FileConfigSource):  # of the same name, or Hydra would take it for a rival
    """Hydra's reader of files, with text for keys."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Read a file; what is not numbered is left exactly as Hydra read it.

        A file is parsed once for each of its versions: a sweep and a notebook compose the same files many times.
        """
        normalized = self._normalize_file_name(config_path)
        file = Path(self.path) / normalized
        try:
            status = file.stat()
        except OSError:
            return super().load_config(config_path)  # which says what is missing
        version = (self.provider, self.path, normalized, status.st_mtime_ns, status.st_size, status.st_ino)
        if version not in _PARSED:
            _PARSED[version] = self._parsed(config_path)
        return copy.deepcopy(_PARSED[version])

    def _parsed(self, config_path: str) -> ConfigResult:
        result = super().load_config(config_path)
        if isinstance(result.config, DictConfig):
            plain: Any = OmegaConf.to_container(result.config, resolve=False)
            text = with_text_keys(plain)
            if text != plain:
                result.config = OmegaConf.create(text)
        return result


_PARSED: dict[tuple[Any, ...], ConfigResult] = {}


def read_keys_as_text() -> None:
    """Lets Hydra read configuration files by the class above in this process."""
    Plugins.instance()  # which registers its own
    SourcesRegistry.instance().types[FileConfigSource.scheme()] = FileConfigSource


def with_text_keys(node: Any) -> Any:
    """The same with text in place of whole numbers as keys; the later of two that become equal counts.

    Example:
        >>> with_text_keys({"train": {2007: "trainval", 2012: None}})
        {'train': {'2007': 'trainval', '2012': None}}
    """
    if isinstance(node, dict):
        return {
            str(key) if isinstance(key, int) and not isinstance(key, bool) else key: with_text_keys(value)
            for key, value in node.items()
        }
    return [with_text_keys(item) for item in node] if isinstance(node, list) else node
