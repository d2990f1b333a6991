"""Every error of MarketFlow, grouped by what the caller should do about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime


class MarketFlowError(Exception):
    """The root: nothing else is raised on purpose."""


class ConfigurationError(MarketFlowError):
    """Fix the settings: one or more are missing or wrong. The message names each and says where to set it."""


class MigrationError(MarketFlowError):
    """Mend the migration, deploy again: a revision failed, and the database is as it was. The message names it."""


class RetryLaterError(MarketFlowError):
    """Ask again, not before `not_before` (UTC; None: the caller's own backoff)."""

    def __init__(self, message: str, *, not_before: datetime | None = None) -> None:
        super().__init__(message)
        self.not_before = not_before


class DatabaseUnavailableError(RetryLaterError):
    """The database cannot be reached or closed the connection; nothing was committed or all of it was."""


class ServiceUnavailableError(RetryLaterError):
    """A service of AWS that a request needs is busy or out of reach; asking again is safe."""


class CatalogUnavailableError(RetryLaterError):
    """What fetchers or the dispatcher read in S3 could not be written; the change that it belongs to was not made."""


class SymbolUnavailableError(MarketFlowError):
    """Give up on these symbols (vendor spelling): the source does not know them, or no longer."""

    def __init__(self, message: str, *, symbols: Sequence[str]) -> None:
        super().__init__(message)
        self.symbols = tuple(symbols)


class SourceBlockedError(MarketFlowError):
    """Stop asking this source: only the operator can mend it. `remedy` says how."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.remedy = remedy


class MalformedPayloadError(MarketFlowError):
    """Quarantine the whole payload: it is not what was asked for, or not readable. Nothing of it is data.

    `reason` is a short stable code, such as `truncated`, `wrong_symbol`, `wrong_granularity`, `length_mismatch`.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class NotExportedError(MarketFlowError):
    """Keep the rows: their export cannot be made, or does not hold what the tables do. An operator has to look."""


class RefusedError(MarketFlowError):
    """Tell the client: the request itself is wrong. `status` is the HTTP status and `code` a stable word for it."""

    def __init__(self, detail: str, *, status: int, code: str, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code
        self.parameter = parameter
