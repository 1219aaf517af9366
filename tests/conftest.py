"""What holds for every test."""

import os

import pytest
from hypothesis import settings

# Shared machines stall: a slow example is no failure. The blob lets anyone replay a failing one.
settings.register_profile("xueheng", deadline=None, print_blob=True)
settings.load_profile("xueheng")

SOURCES = pytest.StashKey[str | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Take the caller's settings out of the environment: a test sets what it needs itself. Keep libraries apart."""
    config.stash[SOURCES] = os.environ.get("XUEHENG_SOURCES")
    for name in [name for name in os.environ if name.startswith("XUEHENG_")]:
        del os.environ[name]
    # Nothing that a test does to the engine reaches the user's own programs.
    os.environ["XUEHENG_CACHE_DIR"] = str(config.rootpath / ".pytest_cache" / "xueheng")


@pytest.fixture(scope="session")
def sources_setting(pytestconfig: pytest.Config) -> str | None:
    """`XUEHENG_SOURCES` as the caller of the test suite set it; only system tests use the originals."""
    return pytestconfig.stash[SOURCES]
