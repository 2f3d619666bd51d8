from __future__ import annotations

import pytest

from cidxd.errors import FAULTS
from cidxd.git import fault
from cidxd.git.headers import Answer

OID = "8a5d6b0f4f8ac1d5c3a24a8f6f6d6ef2a8d1b3c4"

# What git 2.39 and its helpers wrote, word for word.
WORDS = [
    ("protocol-refused", "fatal: transport 'file' not allowed"),
    ("protocol-refused", "git: 'remote-foo' is not a git command. See 'git --help'."),
    ("protocol-refused", "fatal: URL 'https://u:<redacted>@h/r' uses plaintext credentials"),
    ("ownership-refused", "fatal: detected dubious ownership in repository at '/srv/r.git'"),
    (
        "host-key-unknown",
        (
            "Host key verification failed.\nfatal: Could not read from remote repository.\n\n"
            "Please make sure you have the correct access rights\nand the repository exists."
        ),
    ),
    (
        "host-key-unknown",
        "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
    ),
    (
        "tls-untrusted",
        (
            "fatal: unable to access 'https://h/r/': server certificate verification failed. "
            "CAfile: none CRLfile: none"
        ),
    ),
    (
        "tls-untrusted",
        "fatal: unable to access 'https://h/r/': SSL certificate problem: self-signed certificate",
    ),
    (
        "auth-required",
        (
            "error: unable to read askpass response from '/bin/false'\n"
            "fatal: could not read Username for 'http://h': terminal prompts disabled"
        ),
    ),
    ("auth-failed", "fatal: Authentication failed for 'http://h/r.git/'"),
    (
        "auth-failed",
        "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
    ),
    ("branch-not-found", "fatal: couldn't find remote ref refs/heads/gone"),
    ("remote-rate-limited", "fatal: unable to access 'h': The requested URL returned error: 429"),
    (
        "remote-rate-limited",
        (
            "error: RPC failed; HTTP 429 curl 22 The requested URL returned error: 429\n"
            "fatal: expected flush after ref listing"
        ),
    ),
    ("access-forbidden", "fatal: unable to access 'h': The requested URL returned error: 403"),
    ("remote-not-found", "fatal: repository 'http://h/r.git/' not found"),
    ("remote-not-found", "ERROR: Repository not found.\nfatal: Could not read from remote."),
    ("remote-not-found", "fatal: repository '/srv/gone' does not exist"),
    (
        "remote-not-found",
        (
            "fatal: '/srv/gone' does not appear to be a git repository\n"
            "fatal: Could not read from remote repository."
        ),
    ),
    ("remote-redirected", "fatal: unable to access 'h': The requested URL returned error: 302"),
    ("remote-unavailable", "fatal: unable to access 'h': The requested URL returned error: 503"),
    ("disk-full", "fatal: write error: No space left on device"),
    ("disk-full", "error: file write error: No space left on device\nfatal: early EOF"),
    ("disk-full", "fatal: sha1 file '/m/objects/pack/tmp_pack_x' write error: Disk quota exceeded"),
    (
        "disk-full",
        "fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output",
    ),
    (
        "disk-unwritable",
        (
            "fatal: Unable to create temporary file '/m/objects/pack/tmp_pack_XXXXXX': "
            "Permission denied\nfatal: fetch-pack: invalid index-pack output"
        ),
    ),
    (
        "disk-unwritable",
        (
            "fatal: Unable to create temporary file '/m/objects/pack/tmp_pack_XXXXXX': "
            "Read-only file system\nfatal: fetch-pack: invalid index-pack output"
        ),
    ),
    (
        "disk-unwritable",
        (
            "error: insufficient permission for adding an object to repository database objects\n"
            "fatal: failed to write object\nfatal: unpack-objects failed"
        ),
    ),
    (
        "disk-unwritable",
        (
            "From /srv/r\n * [new branch]      main       -> main\nerror: cannot lock ref "
            "'refs/heads/main': Unable to create '/m/refs/heads/main.lock': Permission denied"
        ),
    ),
    ("disk-unwritable", "fatal: cannot mkdir /m: Permission denied"),
    ("disk-failed", "error: read error on '/m/objects/pack/p.pack': Input/output error"),
    ("disk-failed", "fatal: fsync error on '/m/objects/pack/p.pack': Input/output error"),
    ("out-of-memory", "fatal: Out of memory, malloc failed (tried to allocate 9 bytes)"),
    ("out-of-memory", "error: cannot create async thread: Cannot allocate memory"),
    (
        "out-of-memory",
        "error: index-pack died of signal 9\nfatal: fetch-pack: invalid index-pack output",
    ),
    ("remote-interrupted", "remote: error: No space left on device\nfatal: early EOF"),
    ("remote-interrupted", "remote: fatal: read error: Input/output error\nfatal: early EOF"),
    ("mirror-locked", "fatal: Unable to create '/m/shallow.lock': File exists.\n\nAnother git"),
    ("mirror-damaged", f"fatal: bad object {OID}"),
    ("mirror-damaged", f"error: object file objects/8a/{OID[2:]} is empty"),
    ("mirror-damaged", f"fatal: loose object {OID} (stored in objects/8a) is corrupt"),
    (
        "mirror-damaged",
        (
            f"fatal: cannot read existing object info {OID}\n"
            "fatal: fetch-pack: invalid index-pack output"
        ),
    ),
    ("mirror-damaged", "fatal: not a git repository: '/data/mirror.git'"),
    ("mirror-damaged", "error: https://h/r.git did not send all necessary objects"),
    (
        "mirror-damaged",
        "fatal: pack has 3 unresolved deltas\nfatal: fetch-pack: invalid index-pack output",
    ),
    (
        "git-failed",
        (
            f"error: bad object {OID}\n"
            "remote: aborting due to possible repository corruption on the remote side."
        ),
    ),
    ("remote-interrupted", f"remote: fatal: bad object {OID}\nfatal: early EOF"),
    ("remote-unreachable", "fatal: unable to access 'h': Could not resolve host: h"),
    (
        "remote-unreachable",
        "fatal: unable to access 'h': Failed to connect to h port 1 after 0 ms: Couldn't connect",
    ),
    (
        "remote-unreachable",
        (
            "ssh: connect to host h port 22: Connection timed out\n"
            "fatal: Could not read from remote repository."
        ),
    ),
    (
        "remote-timeout",
        (
            "error: RPC failed; curl 28 Operation too slow. Less than 1 bytes/sec transferred the "
            "last 60 seconds"
        ),
    ),
    (
        "remote-interrupted",
        (
            "error: RPC failed; curl 18 transfer closed with outstanding read data remaining\n"
            "fatal: early EOF\nfatal: fetch-pack: invalid index-pack output"
        ),
    ),
    ("remote-interrupted", "fatal: the remote end hung up unexpectedly"),
    ("remote-interrupted", "fatal: pack has bad object at offset 12: inflate returned -5"),
    (
        "remote-interrupted",
        (
            "error: inflate: data stream error (incorrect header check)\n"
            "fatal: pack has bad object at offset 12: inflate returned -3\n"
            "fatal: fetch-pack: invalid index-pack output"
        ),
    ),
    (
        "mirror-damaged",
        "fatal: pack has 1 unresolved delta\nfatal: fetch-pack: invalid index-pack output",
    ),
    ("mirror-damaged", "error: wrong index v2 file size in /d/objects/pack/pack-1.idx"),
    (
        "tls-untrusted",
        (
            "fatal: unable to access 'https://h/r/': SSL: certificate subject name (x) does not "
            "match target host name 'h'"
        ),
    ),
    ("git-failed", "fatal: something that nobody has seen yet"),
]


@pytest.mark.parametrize(("code", "words"), WORDS)
def test_words_of_git_name_their_fault(code: str, words: str) -> None:
    assert fault.named(words) == code


def test_every_code_of_the_tables_is_a_known_fault() -> None:
    rows = [*fault._TOLD_BY_ANYONE, *fault._TOLD_BY_GIT]

    assert {row[0] for row in rows} <= FAULTS.keys()


def test_no_credentials_get_into_the_detail() -> None:
    words = (
        "fatal: unable to access 'https://ada:s3cr@t@h.example/r.git?private_token=tok123&x=1': "
        "Could not resolve host: h.example"
    )

    detail = fault.classify(words, 128).detail

    assert "https://h.example/r.git?private_token=[redacted]&x=1" in detail
    assert "s3cr" not in detail
    assert "ada" not in detail


def test_detail_is_the_telling_end_of_many_words() -> None:
    words = "\n".join(["hint: read the manual", *(f"error: line {n}" for n in range(500))])

    detail = fault.classify(words, 128).detail

    assert len(detail) <= fault.DETAIL_LIMIT
    assert detail.endswith("error: line 499")


@pytest.mark.parametrize(
    ("code", "detail"), [(-11, "git was ended by signal 11"), (128, "git exited with 128")]
)
def test_a_silent_failure_says_how_git_ended(code: int, detail: str) -> None:
    failed = fault.classify("", code)

    assert (failed.code, failed.detail) == ("git-failed", detail)


def test_a_remote_that_asks_for_patience_says_for_how_long() -> None:
    words = "fatal: unable to access 'h': The requested URL returned error: 429"

    assert fault.classify(words, 128, Answer(retry_after="7")).retry_after_s == 7.0


def test_a_redirect_says_what_to_register() -> None:
    words = "fatal: unable to access 'h': The requested URL returned error: 301"
    answer = Answer(location="https://ada:pw@new.example/r.git/info/refs?service=git-upload-pack")

    assert fault.classify(words, 128, answer).hint == "register https://new.example/r.git"


@pytest.mark.parametrize("code", ["auth-failed", "remote-not-found", "access-forbidden"])
def test_a_permanent_fetch_error_is_never_transient(code: str) -> None:
    words = next(words for name, words in WORDS if name == code)

    assert not fault.classify(words, 128).transient


def test_a_git_that_the_kernel_killed_had_no_memory() -> None:
    silent, telling = fault.classify("", -9), fault.classify("fatal: early EOF", -9)

    killed = "git was ended by signal 9, as the kernel does when memory runs out"
    assert (silent.code, silent.detail) == ("out-of-memory", killed)
    assert (telling.code, telling.detail) == ("out-of-memory", f"fatal: early EOF\n{killed}")


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        ("fatal: Out of memory, realloc failed", 128, "out-of-memory"),
        ("error: unable to open object pack directory: Input/output error", 128, "disk-failed"),
        ("", -9, "out-of-memory"),
        (f"fatal: bad object {OID}", 128, None),
        ("", 128, None),
    ],
)
def test_a_git_that_only_reads_tells_of_disk_and_memory_too(
    words: str, code: int, named: str | None
) -> None:
    assert fault.of_machine(words, code) == named
