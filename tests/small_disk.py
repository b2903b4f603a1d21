"""A disk that is soon full: a real tmpfs of a few kilobytes, in a mount namespace of its own where that is allowed."""

import functools
import shlex
import subprocess
import sys
from pathlib import Path

# An ordinary user may mount inside a user namespace, root inside a mount namespace, a container's root only plainly.
_WAYS = (("unshare", "--user", "--map-root-user", "--mount"), ("unshare", "--mount"), ())


def run_on_small_disk(folder: Path, size: str, code: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process of its own, for which `folder` is a disk of the given size.

    The disk is gone afterwards; what is to be looked at has to be printed, or copied from it, by the code.

    Args:
        folder: Existing folder.
        size: As `mount -t tmpfs -o size=` takes it, such as `200k`.
        code: Program.

    Returns:
        Exit code, standard output and standard error of the code.
    """
    where, program = shlex.quote(str(folder)), shlex.join([sys.executable, "-c", code])
    script = f"mount -t tmpfs -o size={size} none {where} || exit 99; {program}; code=$?; umount {where}; exit $code"
    return subprocess.run([*_way(), "sh", "-c", script], capture_output=True, text=True, timeout=600)


@functools.cache
def _way() -> tuple[str, ...]:
    """What goes before a shell that may mount here."""
    answers = []
    for way in _WAYS:
        script = "mount -t tmpfs none /mnt && umount /mnt"
        answer = subprocess.run([*way, "sh", "-c", script], capture_output=True, text=True, timeout=300)
        if answer.returncode == 0:
            return way
        answers.append(answer.stderr.strip())
    raise AssertionError(f"Expected to be allowed to mount a tmpfs, but: {answers}; allow user namespaces here.")
