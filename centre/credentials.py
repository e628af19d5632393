"""What stands for a secret where it may not stand: its hash in the list of people, its fingerprint in the history.

Everybody has one credential of their own at a time, their token: sign-in codes and sessions are made by it and end with
it. So one fingerprint, the token's, names what somebody signed in by, at the command line, over HTTP and in a browser.
"""

from __future__ import annotations

import hashlib
import secrets

# 48 bits tell the tokens of a house apart: with a thousand people, two share one in one of 500 million houses.
_DIGITS = 12


def fresh_secret() -> str:
    """A token or code that nobody can guess. It begins with no dash, or a command line would take it for an option."""
    while (secret := secrets.token_urlsafe(32)).startswith("-"):
        pass
    return secret


def hashed(secret: str) -> str:
    """SHA-256, in hex, of a token or code: all of it that is kept."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def fingerprint(token_hash: str) -> str:
    """The name of a credential, from the `hashed` token: what requests and approvals keep of it."""
    return f"token:{token_hash[:_DIGITS]}"
