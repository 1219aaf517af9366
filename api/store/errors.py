"""What storage refuses, as exceptions that a service or the command line can put into words."""

__all__ = [
    "DatabaseTooNew",
    "EmbeddedPostgresError",
    "FolderInUse",
    "MigrationChanged",
    "MigrationError",
    "StoreError",
    "StoreUnavailable",
    "UnsupportedServer",
]


class StoreError(Exception):
    """Anything that storage refuses; the text says what to do about it."""


class EmbeddedPostgresError(StoreError):
    """The embedded PostgreSQL cannot be started or stopped."""


class FolderInUse(EmbeddedPostgresError):
    """Another process serves from this data folder.

    `pid` is that process, `dsn` the address of its database once it is ready; None while it has not written them.
    """

    def __init__(self, message: str, *, pid: int | None, dsn: str | None) -> None:
        super().__init__(message)
        self.pid = pid
        self.dsn = dsn


class StoreUnavailable(StoreError):
    """The database cannot be reached or does not answer in time; the same call may succeed later."""


class UnsupportedServer(StoreError):
    """The server answers, but its version is not one that this release was tested with."""


class MigrationError(StoreError):
    """The tables of the database do not fit this release, and no migration can help."""


class MigrationChanged(MigrationError):
    """A migration that the database has already run reads differently now."""


class DatabaseTooNew(MigrationError):
    """The database was migrated by a newer release."""
