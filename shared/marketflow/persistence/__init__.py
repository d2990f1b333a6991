"""PostgreSQL: the schema and its migrations, one connection per process, the load path and the repositories."""

from __future__ import annotations

import importlib
import sys
from datetime import datetime
from types import ModuleType


class _Later(ModuleType):
    """Stands for a module until one of its attributes is used.

    `importlib.util.LazyLoader` does not: whatever imports its module a second time loads it.
    """

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # who looks at every module, such as `inspect`, does not use this one
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def _parse(text: str) -> datetime:
    return importlib.import_module("dateutil.parser").parse(text)  # type: ignore[no-any-return]


# pg8000 imports it for passwords with SCRAM, which neither RDS Proxy's IAM tokens nor the local socket have: with the
# X.509 parser that comes along it would be a tenth of the read API's cold start.
sys.modules.setdefault("scramp", _Later("scramp"))

# And this for times before Christ and at infinity, of which MarketFlow has none: another thirtieth.
if "dateutil.parser" not in sys.modules:
    _stand_in = ModuleType("dateutil.parser")
    _stand_in.__dict__.update(parse=_parse, ParserError=ValueError)
    sys.modules["dateutil.parser"] = _stand_in
    importlib.import_module("pg8000.converters")
    del sys.modules["dateutil.parser"]
