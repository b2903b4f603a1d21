import subprocess
import sys
from pathlib import Path

import pytest
from tests.broken_data import IMAGE_CASES, SIZE, damaged, jpeg, rotated

from lightweight_ssd.data.checks.image import ImageReport, ListedImage, check_image
from lightweight_ssd.data.checks.problems import Kind


def check(
    folder: Path, data: bytes, size: tuple[int, int] | None = SIZE, decode: bool = False, name: str = "a.jpg"
) -> ImageReport:
    (folder / name).write_bytes(data)
    return check_image(ListedImage(str(folder / name), size, frozenset({"train"})), decode)


def kinds(report: ImageReport) -> list[Kind]:
    return [kind for kind, _ in report.findings]


@pytest.mark.parametrize("decode", [False, True])
def test_a_good_image_has_no_problem_and_a_digest_of_its_content(tmp_path: Path, decode: bool):
    first, other = check(tmp_path, jpeg(1), decode=decode), check(tmp_path, jpeg(2), decode=decode, name="b.jpg")
    assert first.findings == other.findings == ()
    assert first.digest and first.digest != other.digest
    assert check(tmp_path, jpeg(1), name="c.jpg") == first


@pytest.mark.parametrize("decode", [False, True])
@pytest.mark.parametrize("case", IMAGE_CASES)
def test_each_kind(tmp_path: Path, case: str, decode: bool):
    kind, data = IMAGE_CASES[case]
    assert kind in kinds(check(tmp_path, data, decode=decode))


def test_a_missing_file_and_a_folder(tmp_path: Path):
    missing = check_image(ListedImage(str(tmp_path / "gone.jpg"), SIZE, frozenset()))
    assert missing == ImageReport(b"", ((Kind.MISSING_IMAGE, "there is no such file"),))
    (tmp_path / "folder.jpg").mkdir()
    assert kinds(check_image(ListedImage(str(tmp_path / "folder.jpg"), SIZE, frozenset()))) == [Kind.UNREADABLE_IMAGE]


def test_without_a_size_in_the_annotation_only_the_file_counts(tmp_path: Path):
    assert check(tmp_path, jpeg(1, (33, 44)), size=None).findings == ()
    assert kinds(check(tmp_path, b"no image", size=None)) == [Kind.UNREADABLE_IMAGE]


def test_damaged_pixels_are_found_by_decoding_and_the_decoder_is_kept_quiet(tmp_path: Path, capfd):
    assert check(tmp_path, damaged()).findings == ()
    ((kind, detail),) = check(tmp_path, damaged(), decode=True).findings
    assert kind == Kind.DAMAGED_PIXELS and "JPEG" in detail
    assert capfd.readouterr().err == ""


def test_a_rotation_says_which_image_the_boxes_belong_to(tmp_path: Path):
    for data, words in ((rotated(6, (80, 60)), "turned upright"), (rotated(8), "as stored"), (rotated(3), "as stored")):
        ((kind, detail),) = check(tmp_path, data).findings
        assert kind == Kind.ROTATED and words in detail
    assert check(tmp_path, rotated(1)).findings == ()


def test_another_size_tells_both(tmp_path: Path):
    ((kind, detail),) = check(tmp_path, jpeg(1, (60, 61))).findings
    assert kind == Kind.OTHER_SIZE and "80x60" in detail and "61x60" in detail


def test_a_process_that_checks_starts_without_torch():
    modules = "lightweight_ssd.data.checks.image, lightweight_ssd.system.parallel"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert ended.stdout == "False\n"
