"""Bootstrap settings: environment over file over default; whatever is unknown or wrong refuses to start."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from unittest.mock import patch

import pytest

from pushgate.config import BadSettings, Settings, load_settings
from pushgate.installation import opened
from pushgate.realm import BadBaseUrl, check_base_url

SECRET = "s" * 32


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pushgate.toml of the project is read."""
    monkeypatch.chdir(tmp_path)


def test_the_defaults() -> None:
    settings = load_settings({})
    assert settings == Settings()
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.database_path == Path("pushgate-data/pushgate.db")
    assert settings.transient_path == Path("pushgate-data/pushgate-transient.db")
    assert (settings.proxies, settings.fetch_hosts) == ((), ())


def test_every_setting_of_the_contract_is_known() -> None:
    names = (
        "BASE_URL DATABASE_URL TRANSIENT_URL SECRET_KEY SECRET_KEY_FILE TRUSTED_PROXIES CLIENT_CERT_HEADER "
        "MTLS_BASE_URL CA_FILE FETCH_ALLOW SAMPLE_RESOURCE LOG_LEVEL ADMIN_USER ADMIN_PASSWORD"
    )
    assert set(Settings.__dataclass_fields__) == set(names.lower().split())


def test_environment_wins_over_file_and_file_over_default(tmp_path: Path) -> None:
    (tmp_path / "pushgate.toml").write_text('base_url = "https://file.example"\nlog_level = "error"\n')
    settings = load_settings({"PUSHGATE_BASE_URL": "https://environment.example", "PATH": "/bin"})
    assert (settings.base_url, settings.log_level) == ("https://environment.example", "error")
    assert settings.database_url == Settings().database_url


def test_a_named_file_is_read_instead_of_the_one_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "pushgate.toml").write_text('log_level = "error"')
    (tmp_path / "other.toml").write_text('log_level = "debug"')
    assert load_settings({}, tmp_path / "other.toml").log_level == "debug"


@pytest.mark.parametrize("name", ["PUSHGATE_BASEURL", "PUSHGATE_PORT", "PUSHGATE_", "PUSHGATE_BASE_URL_"])
def test_an_unknown_name_in_the_environment_refuses_to_start(name: str) -> None:
    with pytest.raises(BadSettings, match=rf"^unknown setting {name}; known are .*PUSHGATE_BASE_URL"):
        load_settings({name: "x"})


def test_an_unknown_name_shows_no_value() -> None:
    with pytest.raises(BadSettings) as caught:
        load_settings({"PUSHGATE_SECRETKEY": "a-value-that-is-secret"})
    assert "a-value-that-is-secret" not in str(caught.value)


def test_the_name_that_tests_use_is_not_taken_for_a_setting() -> None:
    assert load_settings({"PUSHGATE_REQUIRE_SERVICES": "1"}) == Settings()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('port = "8080"', "unknown setting PUSHGATE_PORT"),
        ("log_level = 1", "log_level must be text in quotes"),
        ('[realms]\nname = "x"', "realms must be text in quotes"),
        ("base_url = ", r"pushgate\.toml: "),
        ('base_url = "https://a.example"\nbase_url = "https://b.example"', r"pushgate\.toml: "),
        ("base_url = 'https://a.example'\xff", r"pushgate\.toml: "),
    ],
    ids=["unknown", "number", "table", "not-toml", "twice", "not-utf8"],
)
def test_a_wrong_file_refuses_to_start(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "pushgate.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadSettings, match=reason) as caught:
        load_settings({})
    assert len(str(caught.value).splitlines()) == 1


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"missing\.toml"):
        load_settings({}, tmp_path / "missing.toml")


@pytest.mark.parametrize("level", ["", "loud", "INFO"])
def test_a_wrong_log_level_refuses_to_start(level: str) -> None:
    with pytest.raises(BadSettings, match="PUSHGATE_LOG_LEVEL must be one of debug, info, warning, error"):
        load_settings({"PUSHGATE_LOG_LEVEL": level})


GOOD_URLS = [
    "http://127.0.0.1:8080",
    "http://localhost:1",
    "http://[::1]:8080",
    "https://as.example",
    "https://as.example:8443/login/v1",
]


@pytest.mark.requirement("PAR-2-1")
@pytest.mark.parametrize(
    "url",
    [
        "http://as.example",
        "http://as.example:8080/as",
        "http://192.0.2.7",
        "http://127.0.0.1.as.example",
        "http://localhost.as.example",
        "http://0.0.0.0:8080",
        "http://user@127.0.0.1.as.example",
    ],
)
def test_http_on_a_public_host_refuses_to_start(url: str) -> None:
    with pytest.raises(BadSettings, match=r"^PUSHGATE_BASE_URL: "):
        load_settings({"PUSHGATE_BASE_URL": url})


@pytest.mark.parametrize("url", GOOD_URLS)
def test_https_and_loopback_are_taken(url: str) -> None:
    assert load_settings({"PUSHGATE_BASE_URL": url}).base_url == url
    assert check_base_url(url + "/") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "as.example",
        "//as.example",
        "ftp://as.example",
        "https://",
        "https:///path",
        "https://as.example?",
        "https://as.example?tenant=1",
        "https://as.example#top",
        "https://as.example/#",
        "https://user:password@as.example",
        "https://[as.example",
        "https://as.example:port",
        "https://as.example:99999",
        "https://as.example\n",
        "https://as.example/a path",
        "https://as.exämple",
    ],
)
def test_what_cannot_be_an_issuer_refuses_to_start(url: str) -> None:
    with pytest.raises(BadSettings, match=r"^PUSHGATE_BASE_URL: "):
        load_settings({"PUSHGATE_BASE_URL": url})
    with pytest.raises(BadBaseUrl):
        check_base_url(url)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("PUSHGATE_DATABASE_URL", "postgresql://user:a-password@db.example/pushgate"),
        ("PUSHGATE_DATABASE_URL", "sqlite:///"),
        ("PUSHGATE_DATABASE_URL", "sqlite://file.db"),
        ("PUSHGATE_DATABASE_URL", ""),
        ("PUSHGATE_TRANSIENT_URL", "valkey://:a-password@db.example:6379/0"),
        ("PUSHGATE_TRANSIENT_URL", "file.db"),
    ],
)
def test_a_store_that_this_release_has_not_refuses_to_start(name: str, url: str) -> None:
    with pytest.raises(BadSettings, match=f"^{name} must be sqlite:///path") as caught:
        load_settings({name: url})
    assert "a-password" not in str(caught.value)


def test_relative_and_absolute_sqlite_urls() -> None:
    settings = load_settings(
        {"PUSHGATE_DATABASE_URL": "sqlite:////var/lib/p.db", "PUSHGATE_TRANSIENT_URL": "sqlite:///t.db"}
    )
    assert (settings.database_path, settings.transient_path) == (Path("/var/lib/p.db"), Path("t.db"))


def test_lists_are_separated_by_commas() -> None:
    settings = load_settings({"PUSHGATE_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2,", "PUSHGATE_FETCH_ALLOW": " a.example "})
    assert (settings.proxies, settings.fetch_hosts) == (("10.0.0.1", "10.0.0.2"), ("a.example",))


def test_settings_hide_secrets_when_printed() -> None:
    settings = load_settings({"PUSHGATE_SECRET_KEY": SECRET, "PUSHGATE_ADMIN_PASSWORD": "a-password"})
    assert SECRET not in repr(settings)
    assert "a-password" not in f"{settings}"


# --- The secret key ----------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    settings = load_settings({})
    key = settings.load_secret_key()
    file = tmp_path / "pushgate-data" / "secret.key"
    assert len(key) >= 43
    assert file.read_text().strip() == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_settings({}).load_secret_key() == key


def test_the_key_is_its_owners_alone_under_a_careless_umask(tmp_path: Path) -> None:
    import os

    before = os.umask(0)
    try:
        load_settings({}).load_secret_key()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "pushgate-data" / "secret.key").stat().st_mode) == 0o600


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    keys = {load_settings({"PUSHGATE_DATABASE_URL": f"sqlite:///{n}/p.db"}).load_secret_key() for n in range(2)}
    assert len(keys) == 2


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    """The one that comes second must never read a file that is still empty."""
    for n in range(50):
        settings = load_settings({"PUSHGATE_DATABASE_URL": f"sqlite:///{tmp_path}/{n}/p.db"})
        barrier = Barrier(8)

        def load(settings: Settings = settings, barrier: Barrier = barrier) -> str:
            barrier.wait()
            return settings.load_secret_key()

        with ThreadPoolExecutor(8) as pool:
            keys = {future.result() for future in [pool.submit(load) for _ in range(8)]}
        assert len(keys) == 1
        assert [file.name for file in (tmp_path / str(n)).iterdir()] == ["secret.key"]


def test_a_key_from_the_environment_or_a_file_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    assert load_settings({"PUSHGATE_SECRET_KEY": SECRET}).load_secret_key() == SECRET
    assert load_settings({"PUSHGATE_SECRET_KEY_FILE": "key"}).load_secret_key() == SECRET
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("environment", [{"PUSHGATE_SECRET_KEY": "x" * 31}, {"PUSHGATE_SECRET_KEY_FILE": "short"}])
def test_a_short_key_refuses_to_start(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "short").write_text("x" * 31 + "\n")
    with pytest.raises(BadSettings, match="at least 32 characters") as caught:
        load_settings(environment).load_secret_key()
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "x" * 31])
def test_a_damaged_key_file_is_not_replaced(tmp_path: Path, content: str) -> None:
    """Another key would make every sealed key and secret unreadable."""
    file = tmp_path / "pushgate-data" / "secret.key"
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(BadSettings, match=r"secret\.key must have at least 32 characters"):
        load_settings({}).load_secret_key()
    assert file.read_text() == content


@pytest.mark.parametrize("content", [None, b"\xff\xfe" * 40], ids=["missing", "not-text"])
def test_a_key_file_that_cannot_be_read_refuses_to_start(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(BadSettings, match="PUSHGATE_SECRET_KEY_FILE cannot be read"):
        load_settings({"PUSHGATE_SECRET_KEY_FILE": "key"}).load_secret_key()


async def test_data_sealed_under_another_key_is_not_opened(tmp_path: Path) -> None:
    from pushgate.jose.seal import CannotOpen

    async with opened(load_settings({"PUSHGATE_SECRET_KEY": SECRET})) as installation:
        await installation.management.ensure_default_realm()
        assert await installation.server().realm() is not None
    async with opened(load_settings({"PUSHGATE_SECRET_KEY": "t" * 32})) as installation:
        with pytest.raises(CannotOpen, match="another PUSHGATE_SECRET_KEY"):
            await installation.server().realm()


async def test_a_start_opens_the_keys_of_hundreds_of_realms_without_looking_at_them(tmp_path: Path) -> None:
    from pushgate.jose import keys
    from pushgate.jose.seal import CannotOpen

    async with opened(load_settings({"PUSHGATE_SECRET_KEY": SECRET})) as installation:
        await installation.management.ensure_default_realm()
        with patch.object(keys, "_private_key", side_effect=AssertionError("an RSA key takes 25 ms")):
            await installation.management.check_keys()
    async with opened(load_settings({"PUSHGATE_SECRET_KEY": "t" * 32})) as installation:
        with pytest.raises(CannotOpen, match="another PUSHGATE_SECRET_KEY"):
            await installation.management.check_keys()


# --- Mutual TLS ------------------------------------------------------------------------------------------------

PROXIED = {"PUSHGATE_TRUSTED_PROXIES": "127.0.0.1"}


def test_where_certificates_come_from() -> None:
    settings = load_settings({**PROXIED, "PUSHGATE_CLIENT_CERT_HEADER": "X-Client-Cert"})
    assert (settings.client_cert_header, settings.mtls_base_url) == ("X-Client-Cert", "")
    elsewhere = {"PUSHGATE_BASE_URL": "https://as.example/id", "PUSHGATE_MTLS_BASE_URL": "https://mtls.as.example/id/"}
    assert load_settings(elsewhere).mtls_base_url == "https://mtls.as.example/id/"


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"CLIENT_CERT_HEADER": "Client-Cert"}, "PUSHGATE_CLIENT_CERT_HEADER counts from proxies alone"),
        ({"CLIENT_CERT_HEADER": "Client Cert", "TRUSTED_PROXIES": "127.0.0.1"}, "'Client Cert' is no name of a header"),
        ({"CLIENT_CERT_HEADER": "Zertifikät", "TRUSTED_PROXIES": "127.0.0.1"}, "is no name of a header"),
        ({"MTLS_BASE_URL": "http://127.0.0.1:8443"}, "PUSHGATE_MTLS_BASE_URL: .* is not https"),
        ({"MTLS_BASE_URL": "https://mtls.example/elsewhere"}, "PUSHGATE_MTLS_BASE_URL: .* has another path than"),
        ({"MTLS_BASE_URL": "https://mtls.example?x"}, "PUSHGATE_MTLS_BASE_URL: .* has a query or a fragment"),
        ({"MTLS_BASE_URL": "garbage"}, r"PUSHGATE_MTLS_BASE_URL: .* is not an http\(s\) URL"),
    ],
)
def test_what_cannot_bring_certificates_is_refused(environment: dict[str, str], reason: str) -> None:
    with pytest.raises(BadSettings, match=reason):
        load_settings({f"PUSHGATE_{name}": value for name, value in environment.items()})


def test_the_sample_resource_is_switched_by_a_plain_word() -> None:
    assert load_settings({}).has_sample_resource is False
    assert load_settings({"PUSHGATE_SAMPLE_RESOURCE": "true"}).has_sample_resource is True
    for value in ("", "yes", "True", "1"):
        with pytest.raises(BadSettings, match="PUSHGATE_SAMPLE_RESOURCE must be true or false"):
            load_settings({"PUSHGATE_SAMPLE_RESOURCE": value})
