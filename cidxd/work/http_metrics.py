"""What is counted of connections and of requests that are refused before they are served."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class HttpMetrics:
    """Counters of the door, in the daemon's registry or, without one, in one of their own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = CollectorRegistry() if registry is None else registry
        self.refused = Counter(
            "cidxd_http_refused",
            "Requests refused and connections cut off, by why.",
            ["reason"],
            registry=registry,
        )
        self.connections = Gauge(
            "cidxd_http_connections", "Open connections on the daemon's port.", registry=registry
        )
