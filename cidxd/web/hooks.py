"""
Webhooks: what a git host sends when somebody pushed, and the secrets that prove it.

Who cannot prove to know the secret learns nothing: a repository, a provider or a webhook that
is not there, and a proof that is wrong, are all answered alike.
"""

from __future__ import annotations

import secrets
from typing import Any, Final
from urllib.parse import parse_qs, quote

import orjson
import structlog
from aiohttp import web

from cidxd.errors import CidxdError, InvalidError, NotFoundError, UnavailableError
from cidxd.model import access, hooks, instant, trace
from cidxd.model.credential import WEBHOOK, Credential, CredentialKind, Secret
from cidxd.model.hooks import Pushed
from cidxd.model.repository import Repository
from cidxd.model.toll import neighbourhood
from cidxd.web import body, client_address
from cidxd.web.gate import gate_of
from cidxd.web.hook_documents import DeliveryDocument, WebhookDocument
from cidxd.web.providers import PINGS, PROVIDERS, Provider
from cidxd.web.refusals import Refusals
from cidxd.web.route import Call, Route, answer
from cidxd.web.services import Services

_log = structlog.get_logger()

REFUSED_OF_ONE: Final = 30  # deliveries in a minute, from one address for one repository
REFUSED_IN_ALL: Final = 300  # from one address
_FORM: Final = "application/x-www-form-urlencoded"
_FIELDS: Final = 16  # of a form
_NONE: Final = Credential(  # opens with no key
    repository_id=0,
    kind=CredentialKind.TOKEN,
    authority=WEBHOOK,
    set_at=0.0,
    set_by="",
    fingerprint=None,
    key_id="",
    sealed=b"",
)


class Hooks:
    """Handlers of webhooks."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._refusals = Refusals(services.clock)
        self._nobody = secrets.token_urlsafe(32)  # signed with it, nothing is genuine

    def routes(self) -> list[Route]:
        """Return the routes."""
        own = {403: "the caller may not change the repository"}
        return [
            Route(
                "POST", "/api/webhooks/{provider}/{name}", self.receive,
                "What a git host sends when somebody pushed; its signature is checked",
                answer=DeliveryDocument, status=202, is_open=True,
                faults={
                    200: "nothing is to be done: `ignored` says why, or it was `replayed`",
                    400: "the body cannot be read",
                    404: "no such webhook, or the proof is wrong: it does not tell which",
                    413: "the body is too large",
                    429: "too many deliveries were refused, or the queue is full",
                },
            ),
            Route(
                "POST", "/api/repositories/{name}/webhook", self.renew,
                "Make a webhook's secret, in place of the one before; it is shown this once",
                answer=WebhookDocument, status=201, faults=own,
            ),
            Route(
                "DELETE", "/api/repositories/{name}/webhook", self.remove,
                "Remove the webhook: no secret is good any more", status=204, faults=own,
            ),
        ]  # fmt: skip

    async def renew(self, call: Call) -> web.StreamResponse:
        """`POST /api/repositories/{name}/webhook`."""
        row, services = self._own(call), self._services
        secret, now = secrets.token_urlsafe(32), services.clock()
        seal = await services.vault.sealing(
            Secret(kind=CredentialKind.TOKEN, secret=secret),
            WEBHOOK,
            by=call.caller.name,
            now=now,
        )
        await services.ledger.set_hook(row.repository_id, seal)
        _log.info("webhook_made", repository=row.name, user=call.caller.name)
        urls = self._urls(call.request, row)
        made = WebhookDocument(secret=secret, urls=urls, created_at=instant.to_wire(now))
        return answer(made, status=201)

    async def remove(self, call: Call) -> web.StreamResponse:
        """`DELETE /api/repositories/{name}/webhook`."""
        row = self._own(call)
        if await self._services.ledger.set_hook(row.repository_id, None):
            _log.info("webhook_removed", repository=row.name, user=call.caller.name)
        return web.Response(status=204)

    async def receive(self, call: Call) -> web.StreamResponse:
        """`POST /api/webhooks/{provider}/{name}`."""
        whom = neighbourhood(client_address.client_address(call.request))
        most = self._services.triggers.max_body_bytes
        with gate_of(call.request).holding(call.request, most, whom):
            return await self._received(call)

    async def _received(self, call: Call) -> web.StreamResponse:
        row, body = await self._checked(call)
        provider = PROVIDERS[call.part("provider")]
        said = _payload(call.request, body)
        headers = call.request.headers
        told = provider.told(headers.get(provider.event, ""), said)
        if told.event in PINGS:
            return _ignored("a ping")
        if told.pushes is None:
            return _ignored("no push")
        reason = hooks.ignored(row, told.pushes, told.default)
        if reason is not None:
            return _ignored(reason)
        return await self._delivered(call, row, provider, body)

    def _urls(self, request: web.Request, row: Repository) -> dict[str, str]:
        """Return the address for each provider: from outside, or as the caller came."""
        scheme = "https" if client_address.is_secure(request) else "http"
        own = f"{scheme}://{client_address.host(request)}"
        base = (self._services.triggers.public_url or own).rstrip("/")
        path = quote(row.name, safe="")
        return {provider: f"{base}/api/webhooks/{provider}/{path}" for provider in PROVIDERS}

    async def _delivered(
        self, call: Call, row: Repository, provider: Provider, body: bytes
    ) -> web.StreamResponse:
        services, headers = self._services, call.request.headers
        if services.vitals.is_stopping():
            raise UnavailableError("the daemon is stopping", code="stopping", retry_after_s=5)
        marks, is_sure = provider.marks(call.part("provider"), row.repository_id, headers, body)
        pushed = Pushed(
            repository_id=row.repository_id,
            marks=marks,
            kept_s=hooks.KEPT_S if is_sure else hooks.WINDOW_S,
            job_id=services.new_id(),
            traceparent=trace.checked(headers.get("traceparent")),
        )
        done = await services.ledger.deliver(pushed)
        document = DeliveryDocument(
            job_id=done.job_id, joined=done.is_joined, replayed=done.is_replayed, ignored=None
        )
        if done.is_replayed:
            return answer(document)
        _log.info("webhook_received", repository=row.name, job_id=done.job_id)
        return answer(document, status=202, headers={"Location": f"/api/jobs/{done.job_id}"})

    async def _checked(self, call: Call) -> tuple[Repository, bytes]:
        """Return whose delivery it is and its body, if it is genuine; all others are alike."""
        address = client_address.client_address(call.request)
        one = (address, call.part("name")[:100])
        self._refusals.check(one, REFUSED_OF_ONE)
        self._refusals.check(address, REFUSED_IN_ALL)
        body = await self._read(call.request)
        provider = PROVIDERS.get(call.part("provider"))
        row = self._known(call.part("name"))
        secret = await self._secret(row)
        proof = (provider or PROVIDERS["github"]).is_genuine(
            call.request.headers, body, secret or self._nobody
        )
        if proof and provider is not None and secret is not None and row is not None:
            return row, body
        for who in (one, address):
            self._refusals.note(who)
        raise NotFoundError(
            "no such webhook, or its secret is another one",
            code="webhook-refused",
            hint="see what cidx repo webhook NAME prints",
        )

    async def _secret(self, row: Repository | None) -> str | None:
        """Return the secret, None without one, for which it takes as long."""
        hook = None if row is None else self._services.state.hooks.get(row.repository_id)
        try:
            return (await self._services.vault.opened(hook or _NONE)).secret
        except CidxdError as err:
            if row is not None and hook is not None:  # sealed with another key
                _log.warning("webhook_unreadable", repository=row.name, error=err.message)
            return None

    async def _read(self, request: web.Request) -> bytes:
        most = self._services.triggers.max_body_bytes
        pieces, size = [], 0
        async with body.in_time(request):
            async for piece in request.content.iter_any():
                size += len(piece)
                if size > most:
                    raise InvalidError(
                        f"the body is larger than {most} bytes",
                        code="body-too-large",
                        hint="the operator may raise webhooks.max_body_bytes",
                        status=413,
                    )
                pieces.append(piece)
        return b"".join(pieces)

    def _known(self, name: str) -> Repository | None:
        """Return the repository that is or was called so; it looks at all of them, found or not."""
        rows = self._services.state.repositories.values()
        found = [row for row in rows if row.name == name or name in row.former]
        return min(found, key=lambda row: row.name != name, default=None)

    def _own(self, call: Call) -> Repository:
        row = self._services.sight(call.caller).named(call.part("name"))
        access.check_may_change(call.caller, row)
        return row


def _ignored(reason: str) -> web.Response:
    return answer(DeliveryDocument(job_id=None, joined=False, replayed=False, ignored=reason))


def _payload(request: web.Request, body: bytes) -> dict[str, Any]:
    """Return the JSON object that was sent, as it is or as the field `payload` of a form."""
    try:
        if request.content_type == _FORM:
            form = parse_qs(body.decode("ascii"), max_num_fields=_FIELDS)
            body = form.get("payload", [""])[0].encode()
        said = orjson.loads(body)
    except ValueError as err:  # JSONDecodeError and UnicodeDecodeError are of it
        raise InvalidError(
            f"the body is not JSON: {err}",
            code="body-not-json",
            hint="have the webhook send application/json",
            status=400,
        ) from None
    if not isinstance(said, dict):
        raise InvalidError("the body is no JSON object", code="body-not-json", status=400)
    return said
