"""The key that a consumer shows the broker, as the programs of the bus choose it."""

import os
import re
import stat
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Key:
    path: str
    name: str
    public: bytes
    secret: bytes
    broker: bytes  # the broker's public key


def chosen_key(path: Optional[str] = None) -> Optional[Key]:
    """The key of a file; None: of TRAINBUS_KEY, else this user's own, if there is one. "off": none.

    Raises ValueError when the file is no key, or others can read it.
    """
    path = path or os.environ.get("TRAINBUS_KEY") or _own()
    if path is None or path == "off":
        return None
    try:
        with open(path, encoding="ascii") as file:
            status, text = os.fstat(file.fileno()), file.read(65536)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"key file {path!r}: {getattr(error, 'strerror', None) or 'is none'}") from None
    if status.st_uid not in (os.geteuid(), 0):
        raise ValueError(f"key file {path!r}: belongs to another user")
    if status.st_mode & 0o066:
        raise ValueError(f"key file {path!r}: others can read it ({stat.S_IMODE(status.st_mode):04o}); say chmod 600 {path}")

    def said(name):
        found = re.search(rf"""^\s*{name}\s*=\s*["']?(.*?)["']?\s*$""", text, re.M)
        return found[1] if found else ""

    keys = [said(name).encode() for name in ("public-key", "secret-key", "broker-key")]
    if any(len(key) != 40 for key in keys):
        raise ValueError(f"key file {path!r}: needs a public-key, a secret-key and a broker-key")
    return Key(path, said("name"), *keys)


def _own() -> Optional[str]:
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    if not folder.startswith("/"):
        folder = os.path.join(os.environ.get("HOME", ""), ".config")
    path = os.path.join(folder, "trainbus", "own.key_secret")
    return path if os.path.isabs(path) and os.path.lexists(path) else None
