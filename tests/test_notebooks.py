"""The notebooks run from top to bottom in a clean kernel of this interpreter, and are committed without outputs."""

import itertools
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from ipykernel.kernelspec import write_kernel_spec
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image
from traitlets.config import Config

from lightweight_ssd.runs.status import FINISHED, write_status
from tests.running import smoke_run

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
DATA, ABLATION = NOTEBOOKS / "01_look_at_the_data.ipynb", NOTEBOOKS / "02_read_an_ablation.ipynb"
SHAPES = "circle,square,triangle,star,heart"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rows with two seeds, trained for an epoch; one of the runs also logs to W&B."""
    folder = tmp_path_factory.mktemp("ablation")
    for neck, seed in itertools.product(("fpn", "cfpn"), (0, 1)):
        logger = "csv_wandb" if (neck, seed) == ("fpn", 0) else "csv"
        settings = ("trainer.max_epochs=1", "pictures=0", f"logger={logger}")
        smoke_run(folder, f"neck={neck}", f"seed={seed}", *settings, run_dir=f"runs/{neck}-{seed}")
        write_status(folder / "runs" / f"{neck}-{seed}", state=FINISHED)  # which the command says after the training
    return folder / "runs"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in, whose kernel `python3` is this interpreter, without anybody's start-up files."""
    write_kernel_spec(tmp_path / "jupyter" / "kernels" / "python3")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", tempfile.mkdtemp())  # the name of a socket must be short
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("LSSD_PICTURE", str(tmp_path / "picture.png"))
    for name in ("LSSD_DATA", "LSSD_RUNS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "notebooks").mkdir()
    return tmp_path / "notebooks"


@pytest.mark.parametrize("path", [DATA, ABLATION], ids=lambda path: path.stem)
def test_committed_notebooks_hold_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 5 and all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert notebook.metadata.kernelspec.name == "python3"


def test_the_data_notebook_draws_boxes_balance_and_every_augment_option(place: Path) -> None:
    texts, pictures = _outputs(DATA, place)
    table = next(text for text in texts if "| split |" in text)
    assert "| train | 60 |" in table and "| test | 20 |" in table
    for option in (NOTEBOOKS.parent / "conf" / "augment").glob("*.yaml"):
        assert any(f"`augment={option.stem}`" in text for text in texts)
    assert pictures == 6  # boxes, three splits, before and after, epochs
    assert _is_a_picture(place.parent / "picture.png")
    assert list((place.parent / "data").glob("shapes-*")), "the default draws into data/ beside notebooks/"


def test_the_data_notebook_reads_a_devkit_when_one_line_is_changed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lightweight_ssd.data.shapes import Shapes

    train = Shapes(root=str(tmp_path / "drawn"), image_size=96, train_images=9, val_images=3, test_images=2)
    devkit = Path(train.annotations("train")[0].path).parents[2]
    years = "data.train.2007=train data.train.2012=null data.val.2007=val data.test.2007=test"
    cache = f"data.cache_dir={tmp_path / 'cache'}"
    monkeypatch.setenv("LSSD_DATA", f"data=voc data.root={devkit} 'data.class_names=[{SHAPES}]' {years} {cache}")
    texts, pictures = _outputs(DATA, place)
    assert any("| train | 9 |" in text for text in texts) and pictures == 6


def test_the_ablation_notebook_reads_real_runs(runs: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSSD_RUNS", str(runs))
    texts, pictures = _outputs(ABLATION, place)
    assert any("4 runs, 2 rows with metrics" in text for text in texts)
    table = next(text for text in texts if "| row | seeds | test mAP@0.5 |" in text)
    assert "| neck=fpn | 2 |" in table and "| neck=cfpn | 2 |" in table and "| baseline |" in table
    assert pictures == 3  # curves, differences, errors
    assert _is_a_picture(place.parent / "picture.png")
    assert any("difference: " in text for text in texts)
    sent = next(text for text in texts if text.startswith("wandb sync"))
    assert str(runs / "fpn-0") in sent and "cfpn-0" not in sent


def test_the_ablation_notebook_says_what_it_lacks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSSD_RUNS", str(place))
    with pytest.raises(CellExecutionError, match=r"Expected runs in .* but found none"):
        _outputs(ABLATION, place)


def _outputs(path: Path, place: Path) -> tuple[list[str], int]:
    """Runs a notebook in the folder; returns all texts that its cells put out, and the number of pictures."""
    notebook = nbformat.read(path, as_version=4)
    # Files in place of ports, which somebody else may have taken by the time that the kernel runs
    client = NotebookClient(
        notebook, timeout=900, startup_timeout=300, resources={"metadata": {"path": str(place)}},
        config=Config(KernelManager={"transport": "ipc", "ip": f"{os.environ['JUPYTER_RUNTIME_DIR']}/kernel"}),
    )  # fmt: skip
    kernel = client.create_kernel_manager()
    assert kernel.kernel_spec is not None and kernel.kernel_spec.argv[0] == sys.executable
    client.execute()
    put_out: list[Any] = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.data for output in put_out if "data" in output]
    streams = [output.text for output in put_out if output.output_type == "stream" and output.name == "stdout"]
    texts = [*streams, *(data["text/markdown"] for data in shown if "text/markdown" in data)]
    return texts, sum("image/png" in data for data in shown)


def _is_a_picture(path: Path) -> bool:
    with Image.open(path) as picture:
        return picture.format == "PNG" and min(picture.size) > 200 and path.stat().st_size > 5000
