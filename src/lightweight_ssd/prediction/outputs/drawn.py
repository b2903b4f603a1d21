"""Pictures with their detections drawn: a JPEG of each image, a video of each video."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from lightweight_ssd.prediction.outputs.folder import OutputFolder
from lightweight_ssd.prediction.outputs.picture import Picture, write_jpeg
from lightweight_ssd.prediction.outputs.video_file import VideoFile

__all__ = ["Drawn", "drawn_name"]


def drawn_name(stem: str, is_video: bool) -> str:
    """Name of the file in which an image, or all frames of a video, are drawn."""
    return f"{stem}{'.mp4' if is_video else '.jpg'}"


class Drawn:
    """Draws what comes; a video is closed when a picture of another source comes.

    Args:
        folder: To write in.
    """

    def __init__(self, folder: OutputFolder) -> None:
        self._folder = folder
        self._video: VideoFile | None = None
        self._stem = ""

    def add(self, picture: Picture) -> None:
        """Draws an image, or the next frame of a video.

        Raises:
            NotWritten: The disk is full or cannot be written.
        """
        if picture.stem != self._stem:
            self.close()
        from lightweight_ssd.plots.detections import draw_boxes  # matplotlib takes a second, also where none is drawn

        found = picture.found
        drawn = draw_boxes(found.image, found.boxes, found.labels, found.class_names, found.scores)
        if picture.moment is None:
            write_jpeg(drawn, self._folder.place(drawn_name(picture.stem, False)))
            return
        if self._video is None:
            self._stem = picture.stem
            self._video = self._started(self._folder.place(drawn_name(picture.stem, True)), drawn, picture.moment.rate)
        self._video.add(drawn)

    def close(self) -> None:
        """Ends the video that is being written, if any; it holds all frames so far.

        Raises:
            NotWritten: There was no room for all of it.
        """
        video, self._video = self._video, None
        if video is not None:
            video.close()

    def _started(self, path: Path, drawn: UInt8[np.ndarray, "H W 3"], rate: float) -> VideoFile:
        return VideoFile(path, rate, (drawn.shape[0], drawn.shape[1]))
