from pathlib import Path

import numpy as np
import pytest
from tests.broken_data import OBJECT, SIZE, XML

from lightweight_ssd.data.formats.voc_validation import FaultKind, parse_annotation
from lightweight_ssd.data.formats.voc_xml import read_annotation

WRONG = {
    FaultKind.UNKNOWN_CLASS: OBJECT.replace("cat", "catt"),
    FaultKind.WRONG_FLAG: OBJECT.replace("<difficult>0", "<difficult>maybe"),
    FaultKind.MALFORMED: OBJECT.replace("<bndbox>", "<area>-4</area><bndbox>"),
    FaultKind.BOX_NOT_NUMBERS: OBJECT.replace("<xmax>40", "<xmax>4_0"),
    FaultKind.BOX_INVERTED: OBJECT.replace("<xmax>40", "<xmax>3"),
    FaultKind.BOX_OUTSIDE: OBJECT.replace("<xmax>40", "<xmax>90"),
    FaultKind.BOX_WITHOUT_AREA: OBJECT.replace("<xmax>40", "<xmax>5"),
}


def write(folder: Path, *objects: str) -> Path:
    path = folder / "a.xml"
    path.write_text(XML.replace(OBJECT, "".join(objects)))
    return path


def test_a_good_file_has_no_fault_and_its_arrays_hold(tmp_path: Path) -> None:
    parsed = parse_annotation(write(tmp_path, OBJECT, OBJECT.replace("cat", "dog")), ["cat", "dog"])
    assert (parsed.size, parsed.faults) == (SIZE, ())
    assert parsed.boxes.tolist() == [[5, 5, 40, 50]] * 2
    assert parsed.labels.tolist() == [0, 1]
    assert np.isnan(parsed.areas).all() and not (parsed.difficult | parsed.crowd).any()


@pytest.mark.parametrize("kind", WRONG)
def test_the_reader_raises_what_is_listed(tmp_path: Path, kind: FaultKind) -> None:
    path = write(tmp_path, OBJECT, WRONG[kind])
    (fault,) = parse_annotation(path, ["cat", "dog"]).faults
    assert fault.kind == kind and fault.detail.startswith("object 2: ")
    with pytest.raises(ValueError) as raised:
        read_annotation(path, "a.jpg", 1, ["cat", "dog"])
    assert str(raised.value) == str(fault.error) and f"object 2 of {path}" in str(fault.error)


def test_all_faults_are_listed_and_the_first_is_raised(tmp_path: Path) -> None:
    path = write(tmp_path, OBJECT, *WRONG.values())
    faults = parse_annotation(path, ["cat", "dog"]).faults
    assert [fault.kind for fault in faults] == list(WRONG)
    assert [int(fault.detail.split(":")[0].split()[1]) for fault in faults] == list(range(2, 2 + len(WRONG)))
    with pytest.raises(ValueError, match="but got 'catt': did you mean 'cat'"):
        read_annotation(path, "a.jpg", 1, ["cat", "dog"])


def test_an_object_can_have_several_faults(tmp_path: Path) -> None:
    worst = "<object><name>fox</name><difficult>2</difficult><crowd>x</crowd><area>?</area></object>"
    kinds = [fault.kind for fault in parse_annotation(write(tmp_path, worst), ["cat"]).faults]
    assert kinds == [
        FaultKind.UNKNOWN_CLASS, FaultKind.WRONG_FLAG, FaultKind.WRONG_FLAG, FaultKind.MALFORMED,
        FaultKind.BOX_NOT_NUMBERS,
    ]  # fmt: skip


def test_a_number_beyond_float32_is_a_fault_without_a_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    text = OBJECT.replace("<xmax>40", "<xmax>1e300")
    (fault,) = parse_annotation(write(tmp_path, text), ["cat"]).faults
    assert fault.kind == FaultKind.BOX_OUTSIDE
    path = write(tmp_path, text)
    path.write_text(path.read_text().replace("<width>80</width>", ""))
    assert [fault.kind for fault in parse_annotation(path, ["cat"]).faults] == [FaultKind.NO_SIZE]
    assert not recwarn.list
