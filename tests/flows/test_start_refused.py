"""Mistakes of an operator are told before anything is served, and what scripts read is JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pushgate.config import BadSettings, load_settings
from tests.flows.test_cli import ONE, done, failed
from tests.support.live import free_port, start

OTHER_KEY = "another-secret-key-of-more-than-32-characters"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation with one client and one user."""
    (tmp_path / "one.yaml").write_text(ONE)
    done(tmp_path, "apply", "one.yaml")
    return tmp_path


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_wrong_secret_key_refuses_to_start(folder: Path, workers: str) -> None:
    listen = ["--port", str(free_port()), "--workers", workers]
    told = failed(folder, "serve", *listen, PUSHGATE_SECRET_KEY=OTHER_KEY)
    assert "sealed under another PUSHGATE_SECRET_KEY" in told


def test_a_file_of_authorities_that_is_not_there_is_named(folder: Path) -> None:
    told = failed(folder, "serve", "--port", str(free_port()), PUSHGATE_CA_FILE="nowhere.pem")
    assert told.startswith("PUSHGATE_CA_FILE: nowhere.pem: ")


@pytest.mark.parametrize("value", ["garbage", "127.0.0.1,10.0.0.0/8", "localhost"])
def test_a_proxy_that_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(BadSettings, match=r"^PUSHGATE_TRUSTED_PROXIES: .* is not an IP address$"):
        load_settings({"PUSHGATE_TRUSTED_PROXIES": value})


def test_a_base_url_with_another_port_is_warned_of(folder: Path) -> None:
    elsewhere = start(folder, PUSHGATE_BASE_URL="http://127.0.0.1:1")
    right = [json.loads(line) for line in elsewhere.log.splitlines()]
    assert elsewhere.stop() == 0
    [warning] = [line for line in right if line["event"] == "base_url_elsewhere"]
    assert warning["level"] == "warning"
    assert elsewhere.url in warning["advice"]


def test_a_script_reads_the_generated_secret(folder: Path) -> None:
    made = json.loads(
        done(folder, "client", "create", "two", "--set", 'redirect_uris=["https://two.example/cb"]', "--json")
    )
    assert (made["object"], made["id"], made["act"]) == ("client", "two", "create")
    assert len(made["client_secret"]) >= 43
    assert json.loads(done(folder, "client", "update", "two", "--set", "client_name=Two", "--json"))["fields"] == [
        "client_name"
    ]
    assert json.loads(done(folder, "client", "delete", "two", "--json"))["act"] == "delete"
    user = json.loads(done(folder, "user", "create", "dave", "--json", input="dave-password\n"))
    assert (user["id"], user["act"]) == ("dave", "create")
    assert json.loads(done(folder, "user", "delete", "dave", "--json"))["act"] == "delete"
