"""A flame graph is a picture of the samples: nothing of the machine it was made on."""

from __future__ import annotations

from xml.etree import ElementTree

from benchmarks.flame import svg, tree

STACKS = """\
thread (0x7f01): holdfast-ledger;Thread._bootstrap (threading.py:973);settle (/some/place/src/holdfast/ledger/w.py:9) 60
thread (0x7f02): MainThread;_run_module_as_main (<frozen runpy>:173);run (/x/site-packages/uvicorn/server.py:2) 40
thread (0x7f02): MainThread;torn (holdfast/serving/torn.py:1) 7
"""


def test_samples_are_added_up_and_torn_stacks_are_left_out() -> None:
    root = tree(STACKS)
    assert root.samples == 100
    assert {name: frame.samples for name, frame in root.calls.items()} == {
        "thread holdfast-ledger": 60,
        "thread MainThread": 40,
    }


def test_the_picture_is_one_small_svg_without_script_or_paths() -> None:
    drawn = svg(tree(STACKS), "a <title>")
    shape = ElementTree.fromstring(drawn)
    boxes = [box for box in shape.iter("{http://www.w3.org/2000/svg}rect") if box.get("x")]
    assert len(boxes) == 7
    assert "settle (holdfast/ledger/w.py)" in drawn
    assert "run (uvicorn/server.py)" in drawn
    for unwanted in ("/some/place", "script", "torn", "0x7f"):
        assert unwanted not in drawn
