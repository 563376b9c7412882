"""Every form of OLLAMA_HOST."""

from __future__ import annotations

import pytest

from core.ollama import is_loopback, parse_host, show_url


@pytest.mark.parametrize(
    ("value", "url"),
    [
        (None, "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
        ("   ", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":1234", "http://127.0.0.1:1234"),
        ("1.2.3.4:1234", "http://1.2.3.4:1234"),
        ("http://1.2.3.4", "http://1.2.3.4:80"),
        ("http://1.2.3.4:1234", "http://1.2.3.4:1234"),
        ("https://1.2.3.4", "https://1.2.3.4:443"),
        ("https://1.2.3.4:1234", "https://1.2.3.4:1234"),
        ("HTTP://Example.com", "http://Example.com:80"),
        ("example.com", "http://example.com:11434"),
        ("example.com:1234", "http://example.com:1234"),
        ("example.com/", "http://example.com:11434"),
        ("example.com/ollama", "http://example.com:11434/ollama"),
        ("https://example.com/a/b/", "https://example.com:443/a/b"),
        ("http://example.com:1234/path", "http://example.com:1234/path"),
        ("ollama.com", "https://ollama.com:443"),
        ("[::1]", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:1337", "http://[::1]:1337"),
        ("[0001:002:003:0004::1]:1337", "http://[1:2:3:4::1]:1337"),
        ("http://[2001:db8::7]", "http://[2001:db8::7]:80"),
        ("https://[2001:db8::7]:8443/x", "https://[2001:db8::7]:8443/x"),
        (" 1.2.3.4 ", "http://1.2.3.4:11434"),
        ('"1.2.3.4"', "http://1.2.3.4:11434"),
        ("' http://1.2.3.4 '", "http://1.2.3.4:80"),
        ("1.2.3.4:66000", "http://1.2.3.4:11434"),
        ("1.2.3.4:-1", "http://1.2.3.4:11434"),
        ("1.2.3.4:abc", "http://1.2.3.4:11434"),
        ("1.2.3.4:", "http://1.2.3.4:11434"),
        ("https://1.2.3.4:99999", "https://1.2.3.4:443"),
        ("host:" + "9" * 5000, "http://host:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("http://0.0.0.0:11434", "http://127.0.0.1:11434"),
        ("[::]", "http://[::1]:11434"),
        ("user:pa@ss@host:8080", "http://user:pa@ss@host:8080"),
    ],
)
def test_every_form_leads_to_a_url(value: str | None, url: str) -> None:
    assert parse_host(value) == url
    assert parse_host(url) == url, "the result is a form too"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://127.8.9.1:1/x", True),
        ("http://[::1]:11434", True),
        ("https://localhost:443", True),
        ("http://a.localhost:80", True),
        ("http://192.168.0.4:11434", False),
        ("http://localhost.example.com:11434", False),
        ("http://127.0.0.1@example.com:80", False),
        ("http://[2001:db8::7]:80", False),
    ],
)
def test_loopback_is_told_from_the_network(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_a_password_in_the_address_is_not_shown() -> None:
    assert show_url("http://me:s3cret@host:8080/x") == "http://host:8080/x"
