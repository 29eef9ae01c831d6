"""One running shop for the tests that only ask; tests that break or promote start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.serving.shop import Server, serving, shop


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("shop") / ".holdfast"
    shop(home)
    with serving(home) as running:
        yield running
