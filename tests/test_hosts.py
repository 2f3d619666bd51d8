from __future__ import annotations

import ipaddress
import time

import pytest

from cidxd import hosts
from cidxd.config import parse
from cidxd.errors import ConfigError
from cidxd.hosts import Place

CLOSED = [
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("::1", "loopback"),
    ("0.0.0.0", "unspecified"),  # noqa: S104 - no bind
    ("0.1.2.3", "unspecified"),
    ("::", "unspecified"),
    ("169.254.169.254", "metadata"),
    ("168.63.129.16", "metadata"),
    ("100.100.100.200", "metadata"),
    ("192.0.0.192", "metadata"),
    ("fd00:ec2::254", "metadata"),
    ("169.254.1.1", "link-local"),
    ("fe80::1", "link-local"),
    ("10.0.0.1", "private"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("fd12:3456::1", "private"),
    ("fec0::1", "private"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("224.0.0.1", "multicast"),
    ("ff02::1", "multicast"),
    ("192.0.2.1", "reserved"),
    ("198.18.0.1", "reserved"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("2001::1", "reserved"),
    ("2001:db8::1", "reserved"),
    ("2002:7f00:1::", "reserved"),
    ("64:ff9b:1::1", "reserved"),
    ("::127.0.0.1", "reserved"),
    ("100::1", "reserved"),
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:10.0.0.1", "private"),
    ("::ffff:169.254.169.254", "metadata"),
    ("64:ff9b::7f00:1", "loopback"),
    ("64:ff9b::a9fe:a9fe", "metadata"),
]


@pytest.mark.parametrize(("address", "kind"), CLOSED)
def test_what_is_not_of_the_public_internet_is_refused(address: str, kind: str) -> None:
    assert hosts.kind_of(ipaddress.ip_address(address)) == kind
    assert hosts.policy([]).refusal("git.example.org", [address]) == kind


@pytest.mark.parametrize(
    "address", ["140.82.112.3", "172.32.0.1", "2606:50c0:8000::154", "64:ff9b::8c52:7003"]
)
def test_addresses_of_the_public_internet_are_not(address: str) -> None:
    assert hosts.policy([]).refusal("git.example.org", [address]) is None


def test_one_closed_address_closes_the_name() -> None:
    policy = hosts.policy([])

    assert policy.refusal("git.example.org", ["140.82.112.3", "127.0.0.1"]) == "loopback"
    assert policy.refusal("git.example.org", ["140.82.112.3", "fe80::1%eth0"]) == "link-local"


def test_an_operator_opens_names_names_below_a_domain_and_networks() -> None:
    policy = hosts.policy(["Git.corp.example", "*.lab.example", "10.20.0.0/16", "::1"])
    inside = ["10.0.0.1"]

    assert policy.refusal("git.corp.example", inside) is None
    assert policy.refusal("a.b.lab.example", inside) is None
    assert policy.refusal("lab.example", inside) == "private"
    assert policy.refusal("evil-lab.example", inside) == "private"
    assert policy.refusal("git.corp.example.evil.example", inside) == "private"
    assert policy.refusal("any.example", ["10.20.1.1", "::ffff:10.20.1.2", "::1"]) is None
    assert policy.refusal("any.example", ["10.21.1.1"]) == "private"


def test_with_local_remotes_loopback_is_open_and_nothing_else() -> None:
    policy = hosts.policy([], is_loopback_open=True)

    assert policy.refusal("localhost", ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) is None
    assert policy.refusal("inside", ["10.0.0.1"]) == "private"
    assert policy.refusal("any", ["0.0.0.0"]) == "unspecified"  # noqa: S104 - no bind


@pytest.mark.parametrize(
    "entry",
    ["", "*", "a b", "https://h", "h:80", "*.*.x", "10.0.0.1/8", "1.2.3", "-h", "h.", "ä.de"],
)
def test_what_opens_nothing_is_a_fault_of_the_configuration(entry: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"remotes": {"allow_hosts": [entry]}}, "the test")
    assert caught.value.faults[0].startswith("remotes.allow_hosts: no ")


@pytest.mark.parametrize(
    ("remote", "place"),
    [
        ("https://Git.Example.org/a.git", Place("https", "git.example.org", 443)),
        ("https://ada@git.example.org:8443/a", Place("https", "git.example.org", 8443)),
        ("https://ada%40corp@git.example.org:/a", Place("https", "git.example.org", 443)),
        ("HTTP://h/a", Place("http", "h", 80)),
        ("ssh://git@h_1.example:2222/a", Place("ssh", "h_1.example", 2222)),
        ("git@h.example:a/b.git", Place("ssh", "h.example", 22)),
        ("h:a", Place("ssh", "h", 22)),
        ("https://[2606:50C0::1]:8443/a", Place("https", "2606:50c0::1", 8443)),
        ("https://127.0.0.1/a", Place("https", "127.0.0.1", 443)),
        ("/srv/a.git", None),
    ],
)
def test_who_answers_is_told_from_the_address(remote: str, place: Place | None) -> None:
    assert hosts.place_of(remote) == place


@pytest.mark.parametrize(
    "remote",
    [
        "https://0x7f.1/a",
        "https://0x7f000001/a",
        "https://2130706433/a",
        "https://017700000001/a",
        "https://127.1/a",
        "https://127.0.0.01/a",
        "https://127.0.0.0x1/a",
        "https://4294967296/a",
        "https://1.2.3.4.5/a",
        "git@2130706433:a",
        "https://[::1/a",
        "https://[fe80::1%25eth0]/a",
        "https://[v1.x]/a",
        "https://%6cocalhost/a",
        "https://127.0.0.1%2e/a",
        "https://good.example\\@127.0.0.1/a",
        "https://127.0.0.1#@good.example/a",
        "https://127.0.0.1?@good.example/a",
        "https://a@b@127.0.0.1/a",
        "https://good.example:80@127.0.0.1/a",
        "ssh://a%40127.0.0.1%2f@good.example/x",  # git decodes it whole before it splits it
        "ssh://-oProxyCommand=x/a",
        "ssh://-oProxyCommand=x@h/a",
        "-oProxyCommand=x:a",
        "git@[127.0.0.1:22]:a",
        "https://localhost./a",
        "https://a..b/a",
        "https://.a/a",
        "https://bücher.example/a",
        "https://\uff11\uff12\uff17.0.0.1/a",
        "https://h:0/a",
        "https://h:65536/a",
        "https://h:99999999/a",
        "https://h",
        "https:///a",
        "git://h/a",
        "ext::sh",
        "ftp://h/a",
        "",
    ],
)  # fmt: skip
def test_a_host_that_programs_could_read_differently_is_none(remote: str) -> None:
    with pytest.raises(ValueError, match="its host"):
        hosts.place_of(remote)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://u:p@h/a", "https://h/a"),
        ("https://u:p@ss@h/a", "https://h/a"),
        ("https://h/a?private_token=x&y=1", "https://h/a?private_token=…&y=1"),
        ("https://h/a\r\nX: 1\x1b[2J\u202e", "https://h/a��X: 1�[2J�"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_an_address_is_shown_without_what_nobody_should_see(text: str, shown: str) -> None:
    assert hosts.shown(text) == shown


@pytest.mark.parametrize(
    "text", [";token" * 5_000, "https://host/" + "?key" * 5_000, "?" + "secret" * 5_000]
)
def test_showing_an_address_takes_no_longer_than_reading_it(text: str) -> None:
    began = time.perf_counter()
    hosts.shown(text)
    assert time.perf_counter() - began < 1  # it was minutes
