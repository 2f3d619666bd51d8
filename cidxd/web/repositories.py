"""The registry of repositories."""

from __future__ import annotations

import dataclasses
from typing import Final

from aiohttp import web

from cidxd.errors import InvalidError
from cidxd.model import access, catalogue, entrusting, grant
from cidxd.model import repository as addresses
from cidxd.model.catalogue import Registration, RepositoryChange
from cidxd.model.grant import Access, Visibility
from cidxd.model.repository import Repository, Schedule
from cidxd.web import arrival, credentials, wire
from cidxd.web import documents as doc
from cidxd.web.access_documents import AccessBody, access_document, rights_document
from cidxd.web.requests import Discovery, Page, Reach, RepositoryBody, RepositoryPatch
from cidxd.web.route import Call, answer
from cidxd.web.schedule_documents import schedule_of
from cidxd.web.services import Services

_REMOVAL_S: Final = 20.0  # a removal that takes longer goes on behind the answer


class Repositories:
    """Handlers of repositories."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> web.StreamResponse:
        """`GET /api/repositories`."""
        asked = call.asked(Page)
        rows = self._services.sight(call.caller).repositories()
        rest = [row for row in rows if asked.cursor is None or row.name > asked.cursor]
        page = rest[: asked.limit]
        document: doc.RepositoryList = {
            "repositories": [self._document(call, row) for row in page],
            "next_cursor": page[-1].name if len(rest) > len(page) else None,
        }
        return answer(document)

    async def show(self, call: Call) -> web.StreamResponse:
        """`GET /api/repositories/{name}`."""
        return answer(self._document(call, self._named(call)))

    async def discover(self, call: Call) -> web.StreamResponse:
        """`GET /api/repositories/discover`."""
        found = self._services.sight(call.caller).at_address(call.asked(Discovery).url)
        return answer(self._document(call, found))

    async def add(self, call: Call) -> web.StreamResponse:
        """`POST /api/repositories`."""
        with self._services.sight(call.caller).discreet():
            return await self._add(call)

    async def change(self, call: Call) -> web.StreamResponse:
        """`PATCH /api/repositories/{name}`."""
        with self._services.sight(call.caller).discreet():
            return await self._change(call)

    async def _add(self, call: Call) -> web.StreamResponse:
        sent = call.sent(RepositoryBody)
        is_local_allowed = self._services.is_local_allowed
        remote = addresses.check_remote(sent.remote, is_local_allowed=is_local_allowed)
        if sent.seed is not None and not is_local_allowed:
            raise InvalidError(
                "a seed is a folder on the daemon's machine", code="seed-refused", pointer="/seed"
            )
        usual = Access(visibility=Visibility(self._services.access.repositories))
        shown_to = self._access(sent.access) or usual
        schedule = self._schedule(sent)
        catalogue.check_remote_is_new(self._services.state, remote)  # before asking the network
        given = await credentials.received(sent.credentials, remote)
        secret = given and given.secret
        address = await self._services.remotes.check(remote, sent.branches, secret)
        seal = given and await given.sealing(
            self._services.vault, by=call.caller.name, now=self._services.clock()
        )
        wanted = Registration(
            remote=remote,
            user=call.caller.name,
            name=sent.name,
            suggestion=sent.name_suggestion,
            branches=tuple(sent.branches),
            seed=sent.seed,
            resolved=None if address == remote else address,
            schedule=schedule,
            access=shown_to,
        )
        added = await self._services.ledger.register(wanted, seal)
        self._services.triggers.poller.look_again()
        location = f"/api/repositories/{added.name}"
        return answer(self._document(call, added), status=201, headers={"Location": location})

    async def _change(self, call: Call) -> web.StreamResponse:
        sent, row = call.sent(RepositoryPatch), self._changeable(call)
        if sent.access is not None:
            access.check_may_share(call.caller, row)
        address: str | None = None
        asked = row if sent.remote is None else self._at(row, sent.remote)
        schedule = self._schedule(sent)
        given = await credentials.received(sent.credentials, asked.remote)
        is_sent = "credentials" in sent.model_fields_set
        if sent.remote is not None or sent.branches is not None or given is not None:
            new = [name for name in sent.branches or () if name not in row.tracked]
            target = asked.remote if is_sent else self._asked_as(call, row, asked)
            address = await self._services.remotes.check(target, new, given and given.secret)
        entrusted = await credentials.entrusted(
            given,
            self._services.vault,
            is_sent=is_sent,
            by=call.caller.name,
            now=self._services.clock(),
        )
        change = RepositoryChange(
            name=sent.name,
            branches=None if sent.branches is None else tuple(sent.branches),
            remote=sent.remote,
            resolved=None if address == sent.remote else address,
            schedule=schedule,
            is_rescheduled="schedule" in sent.model_fields_set,
            access=self._access(sent.access),
        )
        who = self._services.identity.again(call.caller)
        changed = await self._services.ledger.change_repository(
            row.repository_id, change, entrusted, who
        )
        self._services.triggers.poller.look_again()
        self._services.look_again()  # its jobs may have waited for a host that it has left
        return answer(self._document(call, changed))

    def _at(self, row: Repository, remote: str) -> Repository:
        """Return *row* with another remote, which none has yet."""
        addresses.check_remote(remote, is_local_allowed=self._services.is_local_allowed)
        catalogue.check_remote_is_new(self._services.state, remote, besides=row)
        return dataclasses.replace(row, remote=remote, resolved=None)

    def _asked_as(self, call: Call, row: Repository, asked: Repository) -> Repository | str:
        """Return what to ask: *row* with its new remote, or that alone if it gets no credential."""
        kept = self._services.state.credentials.get(row.repository_id)
        if kept and entrusting.goes_with(kept, row, asked.remote, call.caller.name):
            return asked
        return asked if kept is None else asked.remote

    async def remove(self, call: Call) -> web.StreamResponse:
        """`DELETE /api/repositories/{name}`: its mirror and index go, its jobs stay in history."""
        row = self._changeable(call)
        removal = await self._services.ledger.remove(row.repository_id, call.caller.name)
        await self._services.triggers.removals.finish(removal, _REMOVAL_S)
        return web.Response(status=204)

    async def reach(self, call: Call) -> web.StreamResponse:
        """`GET /api/repositories/{name}/reach`."""
        asked, row = call.asked(Reach), self._named(call)
        found = await arrival.reach(self._services, row, asked.commit)
        if not asked.explain:
            return answer(found)
        wish = arrival.Wish(row.repository_id, asked.commit, asked.branch)
        why = None if found["reachable"] else await arrival.reason(self._services, wish)
        return answer({**found, "reason": why})

    def _named(self, call: Call) -> Repository:
        return self._services.sight(call.caller).named(call.part("name"))

    def _schedule(self, sent: RepositoryBody | RepositoryPatch) -> Schedule | None:
        if "schedule" not in sent.model_fields_set:
            return None
        services = self._services
        return schedule_of(sent.schedule, services.ledger.polling.default, now=services.clock())

    def _changeable(self, call: Call) -> Repository:
        row = self._named(call)
        access.check_may_change(call.caller, row)
        return row

    def _access(self, sent: AccessBody | None) -> Access | None:
        """Return what was sent as it is kept; raises InvalidError for users that there are not."""
        if sent is None:
            return None
        wanted = sent.access()
        grant.check_users(wanted, {user.name for user in self._services.state.users.values()})
        return wanted

    def _document(self, call: Call, row: Repository) -> doc.RepositoryDocument:
        services = self._services
        default = services.ledger.polling.default
        document = wire.repository_document(row, services.state, default, services.clock())
        document["rights"] = rights_document(call.caller, row)
        if access.may_share(call.caller, row):
            document["access"] = access_document(row.access)
        return document
