"""The dashboard as people use it: a real browser, a real daemon, real syncs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser_watch import Watch
from house import HeldRemote, Server, curl, wait_until
from playwright.sync_api import BrowserContext, Page, expect
from sandbox import Checkout

LogIn = Callable[..., Page]


def post(server: Server, path: str, body: object) -> Any:
    """Ask with a token, as another client would."""
    sent = ("-H", "Content-Type: application/json", "-d", json.dumps(body))
    status, answer = curl(f"{server.url}{path}", server.token, *sent)
    assert status < 300, answer
    return answer


@pytest.fixture
def name(server: Server, remote: HeldRemote, request: pytest.FixtureRequest) -> str:
    """A repository that was never synced, named after the test."""
    wanted = request.node.name.removeprefix("test_")[:60].rstrip("_")
    return str(post(server, "/api/repositories", {"remote": remote.url, "name": wanted})["name"])


@pytest.fixture
def held(server: Server, remote: HeldRemote, name: str) -> Iterator[str]:
    """The job of a sync whose transfer stands still until the remote is released."""
    remote.hold()
    yield post(server, "/api/sync", {"repository": name})["job_id"]
    remote.release()


def synced(server: Server, name: str) -> Any:
    return server.ended(post(server, "/api/sync", {"repository": name})["job_id"])


def test_a_wrong_password_is_told_and_a_right_one_opens_the_page(page: Page) -> None:
    page.goto("/")
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill("wrong horse")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("wrong user name or password")
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Now")).to_be_visible()


def test_no_script_can_read_what_keeps_one_logged_in(log_in: LogIn) -> None:
    page = log_in()
    stored = "JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])"
    assert page.evaluate(stored) == '["",{},{}]'


def test_a_repository_is_added_and_its_first_sync_watched_to_the_end(
    log_in: LogIn, remote: HeldRemote
) -> None:
    page = log_in(path="/repositories")
    page.get_by_label("Remote address").fill(remote.url)
    remote.hold()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="repo", exact=True)).to_be_visible()
    page.get_by_role("link", name="Now").click()
    bar = page.get_by_role("progressbar", name="Sync of repo")
    expect(bar).to_be_visible()
    remote.release()
    expect(bar).to_be_hidden()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="repo", exact=True))
    expect(row).to_contain_text("updated")


def test_a_remote_that_is_none_is_told_with_what_to_do(log_in: LogIn) -> None:
    page = log_in(path="/repositories")
    page.get_by_label("Remote address").fill("ftp://example.org/x")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("https")


def test_a_job_tells_its_course_its_commits_and_its_log(
    log_in: LogIn, server: Server, name: str
) -> None:
    job = synced(server, name)
    page = log_in(path=f"/jobs/{job['job_id']}")
    expect(page.get_by_role("img", name="Course of the job")).to_be_visible()
    expect(page.get_by_role("row", name="index completed")).to_be_visible()
    expect(page.get_by_text("Hide a needle")).to_be_visible()
    log = page.get_by_label("Log", exact=True)
    expect(log).to_contain_text("completed, updated")
    page.get_by_label("Only lines with").fill("publish started")
    expect(page.get_by_text("1 of")).to_be_visible()
    expect(log).not_to_contain_text("attempt 1")


def test_a_running_job_is_cancelled_in_place_and_asked_for_again(
    log_in: LogIn, remote: HeldRemote, held: str
) -> None:
    page = log_in(path=f"/jobs/{held}")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("cancelled")
    remote.release()
    page.get_by_role("button", name="Sync again").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("updated")
    expect(page.get_by_text("Again for")).to_be_visible()


def test_a_failed_job_says_what_to_do(log_in: LogIn, server: Server, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("gone") / "origin"
    gone = Checkout(folder)
    gone.commit({"a": "b\n"})
    post(server, "/api/repositories", {"remote": str(folder), "name": "gone"})
    folder.rename(folder.with_name("elsewhere"))
    job = synced(server, "gone")
    page = log_in(path=f"/jobs/{job['job_id']}")
    expect(page.get_by_role("alert")).to_contain_text("the remote repository does not exist")
    expect(page.get_by_role("alert")).to_contain_text("remote-not-found")


def test_a_broken_stream_comes_back_from_where_it_was(
    context: BrowserContext, page: Page, log_in: LogIn, server: Server, name: str
) -> None:
    sockets: list[Any] = []
    asked: list[dict[str, Any]] = []

    def through(ours: Any) -> None:
        theirs = ours.connect_to_server()
        sockets.append(ours)

        def forward(message: str) -> None:
            asked.append(json.loads(message))
            theirs.send(message)

        ours.on_message(forward)

    context.route_web_socket("**/api/stream", through)
    log_in()
    synced(server, name)
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("updated")
    sockets[0].close(code=1012)
    expect(page.get_by_text("connection lost")).to_be_visible()
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    assert "after" not in asked[0]
    assert asked[1]["after"] > 0
    synced(server, name)
    expect(page.get_by_role("row").filter(has_text=name).first).to_contain_text("unchanged")


def test_a_page_outlives_a_restart_of_the_daemon(
    log_in: LogIn, watch: Watch, server: Server, remote: HeldRemote, held: str
) -> None:
    page = log_in(path=f"/jobs/{held}")
    watch.is_outage_expected = True
    server.kill()
    expect(page.get_by_text("connection lost")).to_be_visible()
    remote.release()
    server.start()
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("updated")
    expect(page.get_by_text("interrupted, and given back")).to_be_visible()


def test_a_page_out_of_sight_lets_go_of_its_stream(page: Page, log_in: LogIn) -> None:
    page.clock.install()
    log_in()
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true" + tell)
    page.clock.fast_forward("00:40")
    expect(page.get_by_text("paused while out of sight")).to_be_attached()
    page.evaluate(hide % "false" + tell)
    expect(page.get_by_text("live", exact=True)).to_be_visible()


def test_code_is_searched_and_the_file_opened_at_the_line(
    log_in: LogIn, server: Server, name: str
) -> None:
    synced(server, name)
    page = log_in(path="/search")
    page.get_by_label("Pattern").fill("NEEDLE")
    page.get_by_label("Pattern").press("Enter")
    expect(page.get_by_text("match").first).to_be_visible()
    expect(page.locator("mark").first).to_have_text("NEEDLE")
    assert "q=NEEDLE" in page.url
    result = page.locator("section.file").filter(has_text=f"{name}: src/needle.py")
    result.get_by_role("link", name="line 1").click()
    expect(page.get_by_role("heading", name="needle.py", exact=True)).to_be_visible()
    expect(page.locator(".line.target")).to_contain_text("NEEDLE = 'found'")


def test_a_definition_is_found_and_stands_beside_its_file(
    log_in: LogIn, server: Server, name: str
) -> None:
    synced(server, name)
    page = log_in(path=f"/search?q=function_7&mode=symbol&repository={name}")
    page.get_by_role("link", name=f"{name}: src/module_7.py").click()
    outline = page.get_by_role("navigation", name="Definitions")
    expect(outline.get_by_role("link", name="function_7")).to_be_visible()


def test_a_broken_expression_is_told_where(log_in: LogIn) -> None:
    page = log_in(path="/search?q=a(&mode=regex")
    expect(page.get_by_role("alert")).to_contain_text("pattern-invalid")


def test_history_is_filtered_by_its_address_and_the_way_back_works(
    log_in: LogIn, server: Server, name: str
) -> None:
    synced(server, name)
    page = log_in(path="/jobs")
    page.get_by_label("Repository").fill(name)
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(f"{server.url}/jobs?repository={name}")
    expect(page.get_by_role("row").filter(has_text="updated")).to_have_count(1)
    page.get_by_label("Repository").fill("no-such")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No job is like that.")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("row").filter(has_text="updated")).to_have_count(1)


def test_members_are_not_shown_what_is_for_administrators(log_in: LogIn) -> None:
    page = log_in("bob")
    expect(page.get_by_role("link", name="Admin")).to_have_count(0)
    page.goto("/admin")
    expect(page.get_by_role("alert")).to_contain_text("forbidden")


def test_an_administrator_pauses_the_queue_and_everybody_sees_why(log_in: LogIn) -> None:
    page = log_in(path="/admin")
    page.get_by_label("Reason").fill("the disk is exchanged")
    page.get_by_role("button", name="Pause the queue").click()
    expect(page.get_by_text("Paused by ada: the disk is exchanged")).to_be_visible()
    page.get_by_role("link", name="Now").click()
    expect(page.get_by_text("The queue is paused by ada: the disk is exchanged")).to_be_visible()
    page.get_by_role("link", name="Admin").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause the queue")).to_be_visible()


def test_a_personal_token_is_made_shown_once_and_revoked(log_in: LogIn, server: Server) -> None:
    page = log_in(path="/account")
    expect(page.get_by_text("You have no personal token.")).to_be_visible()
    page.get_by_text("Make a token").click()
    page.get_by_label("What it is for").fill("nightly build")
    page.get_by_role("button", name="Make").click()
    secret = page.get_by_label("The new token").input_value()
    assert curl(f"{server.url}/api/jobs", secret)[0] == 200
    row = page.get_by_role("row").filter(has_text="nightly build")
    expect(row).to_contain_text("read")
    page.reload()
    expect(row).to_be_visible()
    assert secret not in page.content()
    row.get_by_role("button", name="Revoke").focus()
    for key in ("Enter", "Shift+Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_text("You have no personal token.")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Make a token")).to_be_focused()
    assert curl(f"{server.url}/api/jobs", secret)[0] == 401


def test_a_reader_is_offered_nothing_to_change(log_in: LogIn, server: Server, name: str) -> None:
    post(server, "/api/users", {"name": "rea", "password": "correct horse", "role": "reader"})
    page = log_in("rea", path="/repositories")
    expect(page.get_by_role("link", name=name)).to_be_visible()
    expect(page.get_by_role("button", name="Sync now")).to_have_count(0)
    expect(page.get_by_text("Add a repository")).to_have_count(0)


def test_whom_a_repository_is_shown_to_is_set_on_its_page(
    log_in: LogIn, server: Server, name: str
) -> None:
    page = log_in(path=f"/repositories/{name}")
    page.get_by_text("Whom it is shown to").click()
    page.get_by_label("Shown to").select_option("restricted")
    page.get_by_label("Users").fill("bob write")
    page.get_by_role("button", name="Save").last.click()
    page.wait_for_load_state("networkidle")
    expected = {"visibility": "restricted", "users": [{"user": "bob", "level": "write"}]}
    wait_until("the grant", lambda: server.ask(f"/api/repositories/{name}")["access"] == expected)


def test_one_sees_ones_logins_and_ends_another(log_in: LogIn, server: Server) -> None:
    login = json.dumps({"username": "ada", "password": "correct horse"})
    sent = ("-A", "a lost phone", "-H", "Content-Type: application/json", "-d", login)
    other = curl(f"{server.url}/api/auth/login", "", *sent)[1]["access_token"]
    page = log_in(path="/account")
    mine = page.get_by_role("row").filter(has_text="this one")
    expect(mine).to_have_count(1)
    expect(mine.get_by_role("button", name="End")).to_have_count(0)
    lost = page.get_by_role("row").filter(has_text="a lost phone")
    lost.get_by_role("button", name="End").click()
    lost.get_by_role("button", name="Yes, end it").click()
    expect(lost).to_have_count(0)
    assert curl(f"{server.url}/api/auth/me", other)[0] == 401


def test_an_administrator_sees_who_changed_what(log_in: LogIn) -> None:
    page = log_in(path="/admin")
    page.get_by_label("What", exact=True).fill("user.added")
    page.get_by_label("To what").fill("bob")
    page.get_by_role("button", name="Filter").click()
    row = page.get_by_role("row").filter(has_text="user.added")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("operator:")


def test_a_logout_shows_nothing_more_and_leaves_nothing(log_in: LogIn) -> None:
    page = log_in(path="/jobs")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page.get_by_role("link", name="History")).to_have_count(0)


def test_a_code_of_cidx_open_logs_in_and_leaves_the_address(page: Page, server: Server) -> None:
    code = post(server, "/api/auth/code", {})["code"]
    page.goto(f"/#code={code}")
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    assert page.url == f"{server.url}/"
