"""ncnn: a `.param` file with the graph and a `.bin` file with the weights, for phones and single-board computers.

pnnx makes them from a TorchScript of the graph. It knows no bytes as input and fixes the batch at one image. fp16 is
ncnn's own default: weights of half the size, and arithmetic in fp16 where the processor has it. Its int8 needs tools
that are not in the package.

pnnx writes a layer that ncnn does not have without a word, so the files are loaded once before they count. It also
writes four files for its own use and imports one of them as Python code; here its program is called, not its wrapper.
"""

import subprocess
import tempfile
from pathlib import Path

import torch

from lightweight_ssd.export.format import Format, Order, Precision
from lightweight_ssd.export.traced import example_images, quiet_exporter
from lightweight_ssd.system.native_output import without_native_output

__all__ = ["NCNN"]


class NCNN(Format):
    """ncnn's two files; there are no settings."""

    suffix = ".ncnn.param"
    packages = {"ncnn": "ncnn", "pnnx": "pnnx"}
    extra = "ncnn"
    precisions = ("fp32", "fp16")
    any_batch = False
    inputs = ("float32",)

    def expect(self, precision: Precision, batch: int | None, given_input: str, outputs: str = "boxes") -> None:
        super().expect(precision, batch, given_input, outputs)
        if batch != 1:
            raise ValueError(f"Expected batch=1 for format=ncnn, which takes one image at a time, but got {batch}.")

    def why_not(self, precision: Precision) -> str:
        return "ncnn quantizes by programs that its package lacks; give precision=fp16, or int8 with format=onnx."

    def write(self, order: Order, path: Path) -> None:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            traced = Path(folder) / "network.pt"
            images = example_images(order.image_size, 1, order.dtype)
            with quiet_exporter(), torch.no_grad():
                torch.jit.save(torch.jit.trace(order.graph, (images,), check_trace=False), str(traced))
            _convert(traced, order)
            files = {".param": path, ".bin": path.with_suffix(".bin")}
            for suffix, place in files.items():
                (traced.parent / f"network.ncnn{suffix}").replace(place)
        _expect_loadable(path)


def _convert(traced: Path, order: Order) -> None:
    """Runs pnnx, which names its files after the one that it reads.

    Raises:
        ValueError: It wrote none.
    """
    import pnnx

    height, width = order.image_size
    settings = [f"inputshape=[1,3,{height},{width}]f32", "device=cpu", f"fp16={int(order.precision == 'fp16')}"]
    done = subprocess.run(
        [pnnx.EXEC_PATH, traced.name, *settings], cwd=traced.parent, capture_output=True, text=True, check=False
    )
    if done.returncode or not (traced.parent / "network.ncnn.param").exists():
        reason = " ".join((done.stderr or done.stdout).split())[-300:]
        raise ValueError(f"Expected pnnx to convert the network but it ended with {done.returncode}: {reason}")


def _expect_loadable(path: Path) -> None:
    """Refuses files with layers that ncnn does not have.

    Raises:
        ValueError: With the code that ncnn gives.
    """
    import ncnn

    net = ncnn.Net()  # pyright: ignore[reportAttributeAccessIssue]
    with without_native_output():
        code = net.load_param(str(path)) or net.load_model(str(path.with_suffix(".bin")))
    if code:
        raise ValueError(
            f"Expected ncnn to load what pnnx wrote but it gives the code {code}; the network has a layer that ncnn "
            "does not know, so give another format."
        )
