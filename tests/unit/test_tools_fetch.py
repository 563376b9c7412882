"""Opening pages: only what was found or named, only text, never an address of this machine or a private network.

Real HTTP against STAND-IN sites on 127.0.0.1 and 127.0.0.2; the policy that lets tests reach those is theirs alone.
"""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.agent.tools import fetch_page, runner
from core.agent.tools.address import Policy, check, is_public, resolve, same_page, written_in
from core.agent.tools.html_text import html_to_text
from core.agent.types import ToolResult
from core.errors import StudyError
from core.session import Store, found_links
from tests.service_standins import Fault, Services, zipped
from tests.tool_ground import open_store, tool_context

SITE = ipaddress.ip_address("127.0.0.1")
"""The one address that stands for the public internet here; 127.0.0.2 stands for a private network."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def site() -> Iterator[Services]:
    running = Services().start()
    yield running
    running.stop()


@pytest.fixture
def secret() -> Iterator[Services]:
    running = Services("127.0.0.2").start()
    running.pages["/"] = Fault(
        200, b"<p>the secret of the private network</p>", {"Content-Type": "text/html"}
    )
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "FIRST_WAIT_S", 0.001)


class Names:
    """A FAKE name service: answers each name with the next of its address lists."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): lists for name, lists in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        lists = self.answers.get(host)
        if lists is None:
            return await resolve(host, port)
        return lists.pop(0) if len(lists) > 1 else lists[0]


def policy(names: Names | None = None) -> Policy:
    return Policy(allows=lambda ip: ip == SITE, ports=None, resolve=(names or Names()).resolve)


async def fetch(store: Store, url: str, *, names: Names | None = None, question: str = "") -> ToolResult:
    tool = fetch_page.tool(policy(names))
    return await runner.run(tool, tool_context(store, question or f"read {url} please"), {"url": url})


# -- which addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "100.127.255.255", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.9", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:0a00:0001::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1",
        "fec0::1",
    ],
)  # fmt: skip
def test_addresses_that_are_never_opened(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "100.63.255.255", "100.128.0.1", "2606:4700::1111"]
)
def test_addresses_of_the_public_internet(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://127.0.0.1/", "private"),
        ("http://localhost/", "private"),
        ("http://2130706433/", "private"),
        ("http://0x7f.1/", "private"),
        ("http://[::1]/", "private"),
        ("http://[::ffff:127.0.0.1]/", "private"),
        ("http://169.254.169.254/latest/meta-data/", "private"),
        ("http://127.0.0.1:22/", "port"),
        ("http://user:pass@example.com/", "address"),
        ("ftp://example.com/", "address"),
        ("file:///etc/passwd", "address"),
        ("http:///x", "address"),
        ("http://exa mple.com/", "address"),
    ],
)
async def test_what_the_default_policy_says(url: str, key: str) -> None:
    with pytest.raises(StudyError) as caught:
        await check(url, Policy())
    assert caught.value.key == f"error.fetch.{key}"


async def test_one_private_address_among_public_ones_is_enough() -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["1.1.1.1", "10.0.0.1"]

    with pytest.raises(StudyError) as caught:
        await check("https://mixed.example/", Policy(resolve=both))
    assert caught.value.key == "error.fetch.private"


# -- the connection -----------------------------------------------------------------------------------


async def test_a_name_that_changes_its_address_gains_nothing(
    store: Store, site: Services, secret: Services
) -> None:
    """DNS rebinding: checked as the site, the name means the private network a moment later."""
    names = Names(rebind_example=[["127.0.0.1"], ["127.0.0.2"]])
    site.pages["/"] = Fault(200, b"<p>the public page of the site</p>", {"Content-Type": "text/html"})
    result = await fetch(store, f"http://rebind.example:{site.port}/", names=names)
    assert result.ok and "the public page" in result.text
    assert names.asked == ["rebind.example"] and secret.requests == []
    # The site was asked by its name, though the connection went to the number.
    assert site.requests[0][2]["host"] == f"rebind.example:{site.port}"
    assert (
        await fetch(store, f"http://rebind.example:{site.port}/", names=names)
    ).error == "error.fetch.private"


async def test_a_redirect_is_checked_again_by_name(store: Store, site: Services, secret: Services) -> None:
    names = Names(site_example=[["127.0.0.1"], ["127.0.0.2"]])
    site.pages["/go"] = Fault(302, b"", {"Location": f"http://site.example:{site.port}/page/tea"})
    result = await fetch(store, f"http://site.example:{site.port}/go", names=names)
    assert (result.ok, result.error) == (False, "error.fetch.private")
    assert names.asked == ["site.example", "site.example"] and secret.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_into_a_private_network_is_refused(
    store: Store, site: Services, secret: Services, status: int
) -> None:
    site.pages["/go"] = Fault(status, b"", {"Location": f"{secret.url}/"})
    result = await fetch(store, f"{site.url}/go")
    assert (result.ok, result.error) == (False, "error.fetch.private")
    assert secret.requests == [] and "secret" not in result.text


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "javascript:alert(1)"])
async def test_a_redirect_to_something_else_is_refused(store: Store, site: Services, target: str) -> None:
    site.pages["/go"] = Fault(302, b"", {"Location": target})
    result = await fetch(store, f"{site.url}/go")
    # What is no address at all the HTTP library refuses before us.
    assert not result.ok and result.error in ("error.fetch.address", "error.tool.unreachable")
    assert {path for path, _, _ in site.requests} == {"/go"}


async def test_redirects_within_the_site_are_followed_and_loops_end(store: Store, site: Services) -> None:
    site.pages["/go"] = Fault(302, b"", {"Location": "page/tea", "Set-Cookie": "track=1"})
    result = await fetch(store, f"{site.url}/go")
    assert result.ok and result.data["url"] == f"{site.url}/page/tea" and "cookie" not in site.requests[-1][2]
    site.pages["/loop"] = Fault(302, b"", {"Location": "/loop"})
    assert (await fetch(store, f"{site.url}/loop")).error == "error.fetch.redirects"
    assert len(site.seen("/loop")) == fetch_page.REDIRECTS + 1


async def test_proxies_of_the_environment_are_not_used(
    store: Store, site: Services, secret: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, secret.url)
    assert (await fetch(store, f"{site.url}/page/tea")).ok and secret.requests == []


# -- which pages --------------------------------------------------------------------------------------


async def test_only_what_was_found_or_named_is_opened(store: Store, site: Services) -> None:
    url = f"{site.url}/page/tea"
    refused = await fetch(store, url, question="what is green tea?")
    assert (refused.ok, refused.error) == (False, "error.fetch.not_found_here") and site.requests == []
    assert (await fetch(store, url, question=f"{url}를 요약해줘")).ok
    assert (await fetch(store, url + "#part", question=f"See ({url}).")).ok
    found_links.add(store, "s1", [url]).result()
    assert (await fetch(store, url, question="open the first one")).ok
    # An address made of what was found and something more is another address.
    made = await fetch(store, f"{url}?data=stolen", question="open the first one")
    assert made.error == "error.fetch.not_found_here" and "stolen" not in str(site.requests)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://a.example/b를 요약해줘", "https://a.example/b"),
        ("https://ko.example/wiki/한국", "https://ko.example/wiki/한국"),
        ("read www.example.org.", "https://www.example.org"),
        ("see example.com/docs/x?y=1, please", "https://example.com/docs/x?y=1"),
        ("(https://a.example/b)", "https://a.example/b"),
        ("HTTP://A.example/B#c", "HTTP://A.example/B"),
    ],
)
def test_addresses_in_what_the_user_wrote(text: str, address: str) -> None:
    assert address in written_in(text)


@pytest.mark.parametrize(
    "text", ["no address here", "me@example.com", "version 3.11 and 1.2/3", "a/b", "e.g. this"]
)
def test_what_is_no_address(text: str) -> None:
    assert written_in(text) == []


def test_when_two_addresses_mean_the_same_page() -> None:
    assert same_page("HTTPS://A.example", "https://a.example/#top")
    assert not same_page("https://a.example/x", "https://a.example/X")


# -- what comes back ----------------------------------------------------------------------------------


async def test_a_page_is_text_without_scripts_menus_and_hidden_words(store: Store, site: Services) -> None:
    result = await fetch(store, f"{site.url}/page/tea")
    assert result.text.startswith(f"Green tea\n{site.url}/page/tea\n\nGreen tea\n\nGreen tea is steeped")
    assert "- One spoon" in result.text
    assert not any(word in result.text for word in ("alert", "Home About", "Ignore previous", "color"))
    assert result.answer.startswith("Green tea: Green tea is steeped at 70 to 80 degrees")


async def test_old_korean_pages_and_compressed_ones_are_read(store: Store, site: Services) -> None:
    assert "온돌과 마루를" in (await fetch(store, f"{site.url}/page/hanok")).text
    site.pages["/z"] = zipped("<p>packed words</p>")
    assert "packed words" in (await fetch(store, f"{site.url}/z")).text


async def test_a_page_too_large_is_cut_and_says_so(store: Store, site: Services) -> None:
    site.pages["/big"] = Fault(200, b"<p>" + b"word " * 1_000_000, {"Content-Type": "text/html"})
    result = await fetch(store, f"{site.url}/big")
    assert result.ok and result.data["cut"] and result.data["bytes"] == fetch_page.MAX_BYTES
    assert len(result.text) < 12_000
    assert result.text.endswith("[cut: only the first 11,000 characters are shown]")


async def test_a_small_body_that_unpacks_to_much_is_stopped(store: Store, site: Services) -> None:
    bomb = gzip.compress(b"<p>" + b"0" * (64 << 20))
    site.pages["/bomb"] = Fault(200, bomb, {"Content-Type": "text/html", "Content-Encoding": "gzip"})
    result = await fetch(store, f"{site.url}/bomb")
    assert result.ok and result.data["bytes"] == fetch_page.MAX_BYTES


@pytest.mark.parametrize(
    ("body", "headers", "key"),
    [
        (b"\x89PNG", {"Content-Type": "image/png"}, "error.fetch.not_text"),
        (b"%PDF-1.7", {"Content-Type": "application/pdf"}, "error.fetch.not_text"),
        (b"<p>x</p>", {"Content-Type": "text/html", "Content-Encoding": "br"}, "error.fetch.not_text"),
        (b"not gzip", {"Content-Type": "text/html", "Content-Encoding": "gzip"}, "error.fetch.no_text"),
        (b"<script>only()</script>", {"Content-Type": "text/html"}, "error.fetch.no_text"),
        (b"", {"Content-Type": "text/html"}, "error.fetch.no_text"),
        (bytes(range(256)) * 50, {"Content-Type": "text/plain"}, "error.tool.binary"),
    ],
)
async def test_what_is_no_text_page(
    store: Store, site: Services, body: bytes, headers: Any, key: str
) -> None:
    site.pages["/x"] = Fault(200, body, headers)
    result = await fetch(store, f"{site.url}/x")
    assert (result.ok, result.error) == (False, key)


@pytest.mark.parametrize(
    "kind", ["text/plain; charset=utf-8", "application/json", "application/feed+json", "application/xml"]
)
async def test_other_texts_come_as_they_are(store: Store, site: Services, kind: str) -> None:
    site.pages["/x"] = Fault(200, '{"a": "<b>한글</b>"}'.encode(), {"Content-Type": kind})
    assert '{"a": "<b>한글</b>"}' in (await fetch(store, f"{site.url}/x")).text


async def test_what_servers_answer_instead(store: Store, site: Services) -> None:
    missing = await fetch(store, f"{site.url}/nowhere")
    assert (missing.error, missing.attempts) == ("error.tool.http", 1) and "HTTP 404" in missing.text
    site.fail("/page/tea", Fault(503))
    assert (await fetch(store, f"{site.url}/page/tea")).attempts == 2
    site.fail("/page/tea", Fault(200, b"<p>hal", {"Content-Type": "text/html"}, cut=True))
    assert (await fetch(store, f"{site.url}/page/tea")).ok


async def test_a_name_that_does_not_exist(store: Store) -> None:
    result = await fetch(store, "http://no-such-host.invalid/")
    assert (result.ok, result.error) == (False, "error.fetch.unknown_host")


def test_hostile_html_is_read_without_harm() -> None:
    deep = "<div>" * 50_000 + "deep" + "</div>" * 50_000
    assert html_to_text(deep)[1] == "deep"
    assert html_to_text("<p style='display: none'>a</p><p aria-hidden='true'>b</p><p>c</p>")[1] == "c"
    assert (
        html_to_text("<title>T</title><svg><title>no</title></svg>words <b>and</b> more</unopened>")[0] == "T"
    )
    assert html_to_text("<!-- hidden --><p>a&nbsp;&amp;&#x202e; b")[1].startswith("a &")
    assert html_to_text("<pre>a\n  b</pre>")[1] == "a\nb"
    assert html_to_text("<a <b <c")[1] in ("", "<a <b <c")


async def test_pages_do_not_stop_the_loop(store: Store, site: Services) -> None:
    """A large page is parsed in a thread: the loop goes on turning meanwhile."""
    site.pages["/big"] = Fault(
        200, b"<p>" + b"<i>" * 100_000 + b"<b>x</b> " * 100_000, {"Content-Type": "text/html"}
    )
    turns = 0
    task = asyncio.create_task(fetch(store, f"{site.url}/big"))
    while not task.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert task.result().ok and turns > 20
