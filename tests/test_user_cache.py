"""What tests leave in caches is gone with them: neither this process nor one that it starts uses those of the user."""

import os
import subprocess
import sys
from pathlib import Path

from lightweight_ssd.commands.traceback_file import cache_folder
from lightweight_ssd.data.formats.packed import default_cache_dir

SAY = "from lightweight_ssd.data.formats.packed import default_cache_dir; print(default_cache_dir())"


def test_the_cache_is_none_of_the_users() -> None:
    ours = Path(os.environ["XDG_CACHE_HOME"])
    assert ours.is_dir() and not ours.is_relative_to(Path.home() / ".cache")
    started = subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, check=True, timeout=300)
    assert default_cache_dir() == Path(started.stdout.strip()) == ours / "lightweight-ssd"
    assert cache_folder() == ours / "lightweight-ssd" / "errors"
