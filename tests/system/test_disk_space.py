import errno
import shutil
from pathlib import Path

import pytest

from lightweight_ssd.system.disk_space import format_bytes, one_sentence_when_full, require_space


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (460_032_000, "460 MB"), (19_336_861_798, "19.3 GB"),
     (2 * 10**12, "2,000 GB")],
)  # fmt: skip
def test_words(size: int, words: str):
    assert format_bytes(size) == words


def test_room_is_asked_for_where_the_folder_will_be(tmp_path: Path):
    require_space([(tmp_path / "not" / "yet", 0)])
    with pytest.raises(
        ValueError, match=r"Expected 1,\d+,000,000 GB free on the disk of .* but there are [\d.,]+ .B: "
    ):
        require_space([(tmp_path / "not" / "yet", 10**18 + 10**15)])


def test_folders_of_one_disk_share_its_room(tmp_path: Path):
    free = shutil.disk_usage(tmp_path).free
    half = free * 2 // 3
    require_space([(tmp_path / "a", half)])
    with pytest.raises(ValueError, match="Expected"):
        require_space([(tmp_path / "a", half), (tmp_path / "b", half)])


def test_only_a_full_disk_gets_the_sentence(tmp_path: Path):
    sentence = r"Expected room to write in .* but the disk is full \(Disk quota exceeded\): make room"
    with pytest.raises(ValueError, match=sentence), one_sentence_when_full(tmp_path, "make room"):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")
    with pytest.raises(PermissionError), one_sentence_when_full(tmp_path, "make room"):
        raise PermissionError(errno.EACCES, "Permission denied")
