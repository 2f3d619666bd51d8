"""Which job a caller means by a part of its id, of those that the caller sees."""

from __future__ import annotations

from cidxd.errors import ConflictError
from cidxd.model.account import Principal
from cidxd.model.job import Job
from cidxd.web.services import Services
from cidxd.web.sight import unknown_job

_SHORTEST, _LONGEST = 4, 36  # characters of a part of a UUID


async def job(services: Services, who: Principal, part: str) -> Job:
    """
    Return the job whose id is *part*, or begins or ends like that as no other one's.

    Raises:
        NotFoundError: None is, or none that *who* sees.
        ConflictError: Several are.
    """
    given, sight = part.lower(), services.sight(who)
    exact = services.state.jobs.get(given) or await services.history.job(given)
    if exact is not None and sight.sees(exact.repository_id):
        return exact
    hidden = sight.hidden()
    alike = await services.history.job_ids_like(given, hidden) if _is_id_part(given) else []
    if len(alike) > 1:
        raise ConflictError(
            f"more than one job's id begins or ends like that: {given}",
            code="job-ambiguous",
            hint="give more of the id, such as " + alike[0],
        )
    found = await services.history.job(alike[0]) if alike else None
    if found is None:
        raise unknown_job(given)
    return sight.check_job(services.state.jobs.get(found.job_id) or found)


def _is_id_part(given: str) -> bool:
    return _SHORTEST <= len(given) <= _LONGEST and set(given) <= set("0123456789abcdef-")
