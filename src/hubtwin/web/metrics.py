"""What Prometheus reads. Names carry units (https://prometheus.io/docs/practices/naming); no label is a person."""

from functools import partial

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hubtwin.web.schemas.hub import Health

ANSWER_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0)
WIRE_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0)


class Meters:
    """The meters of one server, in a registry of its own."""

    def __init__(self) -> None:
        """Create them at zero."""
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self.requests = histogram(
            "hubtwin_http_request_duration_seconds",
            "Time to answer a request",
            ("method", "route", "status"),
            buckets=ANSWER_S,
        )
        self.sign_ins = counter("hubtwin_sign_ins", "Attempts to sign in", ("result",))
        self.live_clients = gauge("hubtwin_live_clients", "Pages that hear the live feed")
        self.live_wait = histogram(
            "hubtwin_live_write_delay_seconds",
            "From reading a change to handing its bytes to the socket of a page",
            ("lane",),
            buckets=WIRE_S,
        )
        self.live_bytes = counter("hubtwin_live_bytes", "Bytes of the live feed handed to sockets")
        self.conflated = counter("hubtwin_live_conflated_changes", "Changes that a newer one replaced")
        self.alarms = counter("hubtwin_live_alarms", "Alarms put on the live feed")
        self.dropped = counter("hubtwin_live_clients_dropped", "Pages cut off for taking nothing", ("reason",))
        self.feed_errors = counter("hubtwin_live_feed_errors", "Failed reads of the ledger by the feed")
        self.rev = gauge("hubtwin_ledger_revision", "Sequence number of the last event that the feed has read")
        self.store_up = gauge("hubtwin_store_up", "1 while the store answers")
        self.timers_lag = gauge("hubtwin_timers_lag_seconds", "How long the oldest due timer waits")
        self.sources_late = gauge("hubtwin_sources_late", "Sources that are late")

    def take(self, health: Health) -> None:
        """Note the health of the hub."""
        self.store_up.set(health.store)
        self.timers_lag.set(health.timers_lag_s)
        self.sources_late.set(len(health.sources_late))

    def render(self) -> tuple[bytes, str]:
        """Return all meters as text, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
