import json
from pathlib import Path

from lightweight_ssd.benchmark.synthetic_coco import generate_coco
from lightweight_ssd.data.formats.coco_instances import read_instances
from lightweight_ssd.data.images.reader import read_image


def test_a_small_one_is_read_and_has_what_coco_has(tmp_path: Path) -> None:
    made = generate_coco(tmp_path, 118)
    split = read_instances(made.annotations, made.images)
    assert (len(split), len(split.boxes)) == (made.image_count, made.object_count) == (118, 860)
    assert len(split.class_names) == 80 and split.category_ids[-1] > 80
    read_image(split[-1].path, expected_size=(split[-1].height, split[-1].width))
    content = json.loads(made.annotations.read_text())
    assert all(len(one["segmentation"][0]) >= 6 for one in content["annotations"])
    assert 2500 < made.annotations.stat().st_size / 118 < 4500 + 80 * 60  # COCO's file has 3,800 bytes an image


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    files = [generate_coco(tmp_path / str(run), 20, seed=seed).annotations for run, seed in enumerate((1, 1, 2))]
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()
