"""An incident of some entries for tests of its file."""

from __future__ import annotations

import pytest

from tests.gridgov import scene
from tests.gridgov.casefile.told import Told, photo, reported
from tests.gridgov.conftest import Site


@pytest.fixture
def told(site: Site) -> Told:
    """An incident of some entries, among others of the ledger, with two photos."""
    told = reported(site).do("clerk", "ask", reason="看看")
    site.as_("inspector").report(scene.RUBBISH, "S1")
    told.do("inspector", "verify", found=True, photos=[photo(site, "green")])
    return told.do("clerk", "file").do("dispatcher", "dispatch")
