"""What happens every few seconds in the emulator, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


def every(seconds: float, work: Callable[[], None]) -> None:
    """Do `work` at this pace for as long as the emulator runs; what fails is logged, and done again the next time."""

    def go_on() -> None:
        while True:
            time.sleep(seconds)
            try:
                work()
            except Exception:
                log.exception("%s failed", work.__module__)

    threading.Thread(target=go_on, name=work.__module__, daemon=True).start()
