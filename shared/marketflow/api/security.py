"""The security headers of every answer (OWASP REST Security Cheat Sheet); the gateway's own answers have the same.

https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
"""

from __future__ import annotations

from collections.abc import Mapping

HEADERS: Mapping[str, str] = {
    # Two years, for this host alone: what else stands below the operator's domain is not ours to decide.
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    # An answer is data: a browser that is led to it loads nothing, runs nothing and shows it in no frame. It ends in a
    # semicolon because a gateway sets it between quotes, and the emulator takes all of them off.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none';",
    "Referrer-Policy": "no-referrer",
    # Concerns what a page embeds without asking; a page that CORS lets in reads by asking.
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""An answer may have a policy of its own, as the documentation page has. cdk/constructs/security_headers.py repeats
them for the gateway, and a test compares the two."""
