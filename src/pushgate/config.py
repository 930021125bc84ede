"""Bootstrap settings: where the stores are, what the server is called, and its secrets. Nothing else.

They come from the environment (`PUSHGATE_...`), or from `pushgate.toml` under the same names in lower
case; the environment wins. Everything about realms lives in the database.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path

from pushgate.realm import BadBaseUrl, check_base_url, check_mtls_base_url

PREFIX = "PUSHGATE_"
CONFIG_FILE = "pushgate.toml"
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 5.6.2
LOG_LEVELS = ("debug", "info", "warning", "error")


class BadSettings(Exception):
    """A setting is unknown or wrong; the message says which, and what to do."""


def _setting(default: str, meaning: str) -> str:
    found: str = field(default=default, metadata={"meaning": meaning})
    return found


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, by their names in lower case."""

    base_url: str = _setting("http://127.0.0.1:8080", "URL of the default realm, its issuer; https unless loopback")
    database_url: str = _setting("sqlite:///pushgate-data/pushgate.db", "where durable data is kept")
    transient_url: str = _setting("", "where requests, codes and jtis are kept; empty: beside the database")
    secret_key: str = _setting("", "encrypts keys and secrets at rest; at least 32 characters")
    secret_key_file: str = _setting("", "file with the secret key; made beside SQLite if neither is set")
    trusted_proxies: str = _setting(
        "", "addresses, comma-separated, whose X-Forwarded-For and client certificate header count"
    )
    client_cert_header: str = _setting(
        "", "header in which trusted proxies pass client certificates: Client-Cert (RFC 9440), or one of your own"
    )
    mtls_base_url: str = _setting("", "URL where clients are asked for certificates, if another than the base URL")
    ca_file: str = _setting("", "PEM file with further authorities to trust in outbound fetches")
    fetch_allow: str = _setting("", "hosts, comma-separated, that outbound fetches may reach though private")
    sample_resource: str = _setting("false", "true: serve the sample API at /resource, for clients to try tokens with")
    log_level: str = _setting("info", "debug, info, warning or error")
    admin_user: str = _setting("", "first console administrator (not in use yet)")
    admin_password: str = _setting("", "password of the first console administrator (not in use yet)")

    def __repr__(self) -> str:
        return f"Settings(base_url={self.base_url!r})"

    @property
    def database_path(self) -> Path:
        """The SQLite file of the durable store. Raises BadSettings."""
        return _sqlite_path("database_url", self.database_url)

    @property
    def transient_path(self) -> Path:
        """The SQLite file of the transient store; beside the database, unless told otherwise.

        A file of its own, so that pushes and administration never wait for each other's commits.
        """
        if self.transient_url:
            return _sqlite_path("transient_url", self.transient_url)
        database = self.database_path
        return database.with_name(f"{database.stem}-transient{database.suffix}")

    @property
    def proxies(self) -> tuple[str, ...]:
        """Addresses of proxies whose forwarding headers count. Raises BadSettings for what is no address."""
        found = tuple(part.strip() for part in self.trusted_proxies.split(",") if part.strip())
        for address in found:
            try:
                ip_address(address)
            except ValueError:
                raise BadSettings(f"PUSHGATE_TRUSTED_PROXIES: {address!r} is not an IP address") from None
        return found

    @property
    def fetch_hosts(self) -> tuple[str, ...]:
        """Hosts that outbound fetches may reach although they are private."""
        return tuple(part.strip() for part in self.fetch_allow.split(",") if part.strip())

    @property
    def has_sample_resource(self) -> bool:
        """Whether there is a sample API. Raises BadSettings for anything but true and false."""
        if self.sample_resource not in ("true", "false"):
            raise BadSettings(f"PUSHGATE_SAMPLE_RESOURCE must be true or false, not {self.sample_resource!r}")
        return self.sample_resource == "true"

    def load_secret_key(self) -> str:
        """The secret key; beside SQLite it is made on first start, readable by its owner alone.

        Raises BadSettings for a key that is too short or cannot be read.
        """
        if self.secret_key:
            return _long_enough(self.secret_key, "PUSHGATE_SECRET_KEY")
        if self.secret_key_file:
            try:
                text = Path(self.secret_key_file).read_text().strip()
            except (OSError, UnicodeDecodeError) as problem:
                raise BadSettings(f"PUSHGATE_SECRET_KEY_FILE cannot be read: {problem}") from None
            return _long_enough(text, "the key in PUSHGATE_SECRET_KEY_FILE")
        return _key_beside(self.database_path)


def load_settings(environment: Mapping[str, str] | None = None, config: Path | None = None) -> Settings:
    """Read file and environment. `config` is the file to read instead of ./pushgate.toml.

    Raises BadSettings for an unknown name, a wrong type or a bad value.
    """
    environment = os.environ if environment is None else environment
    values = _from_file(config)
    known = {field.name for field in fields(Settings)}
    for name, value in environment.items():
        if name.startswith(PREFIX) and name != "PUSHGATE_REQUIRE_SERVICES":
            values[name.removeprefix(PREFIX).lower()] = value
    unknown = sorted(set(values) - known)
    if unknown:
        names = ", ".join(PREFIX + name.upper() for name in unknown)
        raise BadSettings(f"unknown setting {names}; known are {', '.join(PREFIX + n.upper() for n in sorted(known))}")
    settings = Settings(**values)
    if settings.log_level not in LOG_LEVELS:
        raise BadSettings(f"PUSHGATE_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
    try:
        check_base_url(settings.base_url)
    except BadBaseUrl as problem:
        raise BadSettings(f"PUSHGATE_BASE_URL: {problem}") from None
    _check_mutual_tls(settings)
    _ = settings.database_path, settings.transient_path, settings.proxies, settings.has_sample_resource
    return settings


def _check_mutual_tls(settings: Settings) -> None:
    """Where certificates come from has to make sense, or clients would be told of what cannot work."""
    header = settings.client_cert_header
    if header and not HEADER_NAME.fullmatch(header):
        raise BadSettings(f"PUSHGATE_CLIENT_CERT_HEADER: {header!r} is no name of a header")
    if header and not settings.proxies:
        raise BadSettings("PUSHGATE_CLIENT_CERT_HEADER counts from proxies alone; set PUSHGATE_TRUSTED_PROXIES too")
    if settings.mtls_base_url:
        try:
            check_mtls_base_url(settings.mtls_base_url, settings.base_url)
        except BadBaseUrl as problem:
            raise BadSettings(f"PUSHGATE_MTLS_BASE_URL: {problem}") from None


def _from_file(config: Path | None) -> dict[str, str]:
    path = config or Path(CONFIG_FILE)
    if config is None and not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise BadSettings(f"{path}: {problem}") from None
    wrong = [name for name, value in found.items() if not isinstance(value, str)]
    if wrong:
        raise BadSettings(f"{path}: {', '.join(wrong)} must be text in quotes")
    return found


def _sqlite_path(name: str, url: str) -> Path:
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or not path:
        raise BadSettings(
            f"{PREFIX}{name.upper()} must be sqlite:///path (this release keeps its data in SQLite), not {_shown(url)}"
        )
    return Path(path)


def _shown(url: str) -> str:
    """A URL without a password in it."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}...@{rest.rpartition('@')[2]}" if "@" in rest else url


def _long_enough(key: str, where: str) -> str:
    if len(key) < 32:
        raise BadSettings(f"{where} must have at least 32 characters; make one with: openssl rand -base64 48")
    return key


def _key_beside(database: Path) -> str:
    """The key in the file beside the database, made if there is none.

    It is written under another name first: whoever finds the file, finds the whole key.
    """
    path = database.with_name("secret.key")
    if not path.exists():
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".secret-", dir=database.parent)  # mode 600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(descriptor)  # what it seals must never outlive it
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(draft, path)
        os.unlink(draft)
    return _long_enough(path.read_text().strip(), f"the key in {path}")
