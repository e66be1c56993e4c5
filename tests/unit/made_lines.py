"""Line images for tests of what is measured on them."""

import numpy as np

from training.labelled import Sample


def line(text: str, width: int = 120, height: int = 32) -> Sample:
    """A white image with a black bar where the text would be."""
    image = np.full((height, width), 255, np.uint8)
    image[height // 4 : -height // 4, 10:-10] = 0
    return Sample(image, text)
