"""The official tool gives a run's own COCO metrics for the files that the run leaves, whatever its data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.official_coco import official_metrics
from tests.running import smoke_run

from lightweight_ssd.analysis.evaluated_set import read_evaluated_set
from lightweight_ssd.data.formats.coco_instances import read_instances
from lightweight_ssd.metrics.average_precision import voc_average_precision
from lightweight_ssd.metrics.names import COCO_METRICS
from lightweight_ssd.runs.results import SplitMetrics
from lightweight_ssd.runs.results_file import read_results

SHORT = ("trainer.max_epochs=1", "gray_test=false", "latency=null", "pictures=0")


@pytest.fixture(scope="module")
def shapes_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn shapes, annotated in VOC's format, some of them difficult."""
    folder = tmp_path_factory.mktemp("shapes")
    smoke_run(folder, *SHORT)
    return folder / "run"


@pytest.fixture(scope="module")
def coco_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data in COCO's format: crowds, difficult objects, areas of masks, gaps in the ids, boxes with odd decimals."""
    folder = tmp_path_factory.mktemp("coco")
    root = folder / "data"
    write_coco_data(root)
    splits = [
        f"data.{split}.{key}" for split in ("train", "val", "test") for key in ("annotations=all.json", "images=.")
    ]
    smoke_run(folder, "data=coco", f"data.root={root}", f"data.cache_dir={folder / 'cache'}", *splits, *SHORT)
    return folder / "run"


def write_coco_data(root: Path) -> None:
    root.mkdir()
    generator = np.random.default_rng(0)
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for number in range(8):
        picture = Image.new("RGB", (160, 120), tuple(generator.integers(120, 255, 3).tolist()))
        image_id = 1000 - 7 * number
        for place in range(4):
            width, height = generator.uniform(12, 110, 2)
            x, y = generator.uniform(0, 160 - width), generator.uniform(0, 120 - height)
            box = [round(float(each), 2) for each in (x, y, width, height)]
            ImageDraw.Draw(picture).rectangle((x, y, x + width, y + height), fill=(60 * place, 90, 200))
            objects.append({
                "id": len(objects) + 1, "image_id": image_id, "category_id": (18, 3)[place % 2], "bbox": box,
                "area": round(box[2] * box[3] * generator.uniform(0.3, 1), 4),
                "iscrowd": int(place == 2 and number % 2 == 0), "difficult": int(place == 1 and number % 3 == 0),
            })  # fmt: skip
        images.append({"id": image_id, "file_name": f"{number}.png", "width": 160, "height": 120})
        picture.save(root / f"{number}.png")
    categories = [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}]
    (root / "all.json").write_text(json.dumps({"images": images, "annotations": objects, "categories": categories}))


def measured(run: Path) -> SplitMetrics:
    test = read_results(run).test
    assert test is not None and test.coco is not None
    return test


@pytest.mark.slow
@pytest.mark.parametrize("data", ["shapes_run", "coco_run"])
def test_pycocotools_gives_what_the_run_reports(data: str, request: pytest.FixtureRequest) -> None:
    run: Path = request.getfixturevalue(data)
    coco = measured(run).coco
    reported = [getattr(coco, name) for name in COCO_METRICS]
    official = official_metrics(run / "ground_truth.json", run / "detections.json")
    np.testing.assert_allclose(np.array(reported, np.float64), official, rtol=1e-9)
    assert official[0] > 0 and official[8] > 0.01  # one epoch finds little, but not nothing


@pytest.mark.slow
@pytest.mark.parametrize("data", ["shapes_run", "coco_run"])
def test_the_files_give_the_map_of_the_run(data: str, request: pytest.FixtureRequest) -> None:
    """By VOC's rules; boxes are written to a thousandth of a pixel, which such a metric may feel."""
    run: Path = request.getfixturevalue(data)
    evaluated = read_evaluated_set(run / "detections.json", run / "ground_truth.json")
    area = voc_average_precision(evaluated.detections, evaluated.objects, len(evaluated.class_names)).area[0]
    assert np.nanmean(area) == pytest.approx(measured(run).map_50, abs=1e-5)


@pytest.mark.slow
def test_difficult_objects_are_there_and_keep_their_area(shapes_run: Path, coco_run: Path) -> None:
    """Also for who takes the ground truth of a run as a data set."""
    for run in (shapes_run, coco_run):
        content = json.loads((run / "ground_truth.json").read_text())
        difficult = [row for row in content["annotations"] if row["difficult"] and not row["iscrowd"]]
        assert difficult and all(row["area"] > 1e10 > row["true_area"] > 0 for row in difficult)
    data = coco_run.parent / "data"
    truth, again = (read_instances(file, data) for file in (data / "all.json", coco_run / "ground_truth.json"))
    np.testing.assert_allclose(again.areas, truth.areas, atol=5e-4)
    np.testing.assert_array_equal(again.difficult, truth.difficult)
