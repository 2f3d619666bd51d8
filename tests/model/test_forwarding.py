"""Who a request comes from, for every way in which a header can lie."""

import time

import pytest

from cidxd.model import forwarding
from cidxd.model.forwarding import Arrival, Hop, Proxies

PROXY, OTHER = "127.0.0.1", "10.0.0.7"
TRUSTED = Proxies(["127.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"])
FAR = "203.0.113.9"


def _address(header: str, peer: str = PROXY, proxies: Proxies = TRUSTED) -> str:
    return proxies.arrival(peer, forwarding.x_forwarded(header, "", "")).address


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (FAR, FAR),
        (f"{FAR}, {OTHER}", FAR),  # two trusted proxies
        (f"1.1.1.1, {FAR}", FAR),  # the left one is the client's own word
        (f"1.1.1.1, {FAR}, {OTHER}", FAR),
        (f"{OTHER}, 10.1.1.1", OTHER),  # all of them trusted: the furthest
        ("", PROXY),
        ("unknown", PROXY),
        (f"{FAR}, unknown", PROXY),  # the nearest does not know; what it passed on is no proof
        (f"{FAR}, unknown, {OTHER}", OTHER),
        ("1.2.3.4:5678", "1.2.3.4"),
        ("[2001:db9::5]:443", "2001:db9::5"),
        ("2001:DB9:0:0::5", "2001:db9::5"),
        (f"::ffff:{FAR}", FAR),
        (f"{FAR},", PROXY),
        ("999.1.1.1", PROXY),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_the_first_hop_from_the_right_that_is_no_proxy_is_the_client(
    header: str, client: str
) -> None:
    assert _address(header) == client


@pytest.mark.parametrize("peer", [FAR, "128.0.0.1", "2001:db9::1", "", "garbage"])
def test_a_peer_that_is_no_trusted_proxy_is_not_believed(peer: str) -> None:
    assert _address("1.1.1.1", peer) == (peer or forwarding.UNIX)
    told = forwarding.x_forwarded("1.1.1.1", "https", "evil.example")
    assert TRUSTED.arrival(peer, told).scheme is None
    assert TRUSTED.arrival(peer, told).host is None


def test_nobody_is_trusted_unless_named() -> None:
    assert _address("1.1.1.1", proxies=Proxies()) == PROXY


def test_a_peer_on_a_unix_socket_is_believed_when_that_is_named() -> None:
    assert _address(FAR, "", Proxies([forwarding.UNIX])) == FAR
    assert _address(FAR, "", Proxies(["0.0.0.0/0"])) == forwarding.UNIX


def test_a_proxy_over_ipv6_is_known_by_its_ipv4_address() -> None:
    assert _address(FAR, "::ffff:127.0.0.1") == FAR


@pytest.mark.parametrize(
    ("scheme", "host", "expected"),
    [
        ("https", "cidx.example.org", ("https", "cidx.example.org")),
        ("HTTPS", "cidx.example.org:8443", ("https", "cidx.example.org:8443")),
        ("http, https", "evil.example, cidx.example.org", ("https", "cidx.example.org")),
        ("https, http", "", ("http", None)),
        ("javascript", "a b", (None, None)),
        ("", "cidx.example.org/path", (None, None)),
        ("", "[2001:db8::1]:8095", (None, "[2001:db8::1]:8095")),
    ],
)
def test_scheme_and_host_are_what_the_nearest_proxy_says(
    scheme: str, host: str, expected: tuple[str | None, str | None]
) -> None:
    arrival = TRUSTED.arrival(PROXY, forwarding.x_forwarded(FAR, scheme, host))
    assert (arrival.scheme, arrival.host) == expected


@pytest.mark.parametrize(
    ("header", "hops"),
    [
        ("", []),
        ("for=192.0.2.60;proto=https;host=a.example", [Hop("192.0.2.60", "https", "a.example")]),
        (
            'For="[2001:db9::1]:4711", for=192.0.2.43',
            [Hop("[2001:db9::1]:4711"), Hop("192.0.2.43")],
        ),
        ('for="a,b";by=x, for=_hidden;Proto=http', [Hop("a,b"), Hop("_hidden", "http")]),
        ("garbage", [Hop("")]),
        ('for="unended', [Hop("")]),
    ],
)
def test_forwarded_is_read_as_rfc_7239_writes_it(header: str, hops: list[Hop]) -> None:
    assert forwarding.forwarded(header) == hops


def test_forwarded_names_the_client_the_same_way() -> None:
    hops = forwarding.forwarded(f'for=1.1.1.1, for="{FAR}:99";proto=https, for={OTHER};proto=http')
    assert TRUSTED.arrival(PROXY, hops) == Arrival(FAR, "http")


def test_a_header_of_any_form_is_read_in_no_time() -> None:
    began = time.perf_counter()
    assert forwarding.forwarded("a" * 60_000) == [Hop("")]
    assert time.perf_counter() - began < 2  # it was half a minute
