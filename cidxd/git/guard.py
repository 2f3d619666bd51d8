"""
The environment and the options of every git call.

What stands here is what keeps a hostile remote, a hostile repository and a
curious prompt away from the daemon; `docs/security.md` tells why for each.
It knows git's switches and nothing of jobs.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

from cidxd.hosts import Place

# No terminal, window or helper may ever be asked: a prompt would freeze the daemon.
_NO_PROMPT: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "LC_ALL": "C",
}

# No user's or system's configuration, no optional lock, no lazy fetching of
# missing objects: a read in a mirror touches the mirror only.
_LOCAL: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # git before 2.45 knows no GIT_NO_LAZY_FETCH: a mirror that says to be a partial clone would
    # have it fetch what is missing, by a transport and with an ssh that the mirror names.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_SSH_COMMAND": "/bin/false",
    "LC_ALL": "C",
}
_KEPT: Final = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")

# What an operator sets in the unit file so that a server reaches its remotes.
_KEPT_FOR_NETWORK: Final = (
    "https_proxy", "http_proxy", "all_proxy", "no_proxy",
    "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY",
    "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip

# git tells neither Retry-After nor a redirect's target but in this trace; its
# lines are read by `git.headers` and never reach a log.
_HEADERS_ON_STDERR: Final = {"GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1"}

_SSH: Final = (
    "ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
    " -o StrictHostKeyChecking=yes -o ControlMaster=no -o ControlPath=none"
    " -o ForwardAgent=no -o ClearAllForwardings=yes -o PermitLocalCommand=no"
)

_SSH_PORT: Final = 22
_SLOW_S: Final = 60  # under a byte a second for so long, a transfer is given up
_GUEST_CONFIG: Final = (
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", str(_SLOW_S)),
    ("credential.helper", ""),
    ("credential.interactive", "false"),
    ("transfer.bundleURI", "false"),
    ("transfer.credentialsInUrl", "die"),
)

_SETTINGS_LIMIT: Final = 1000  # of those in a user's variables

# Of a user's environment these would point git at another repository, put words
# between its own, or allow what is refused here.
_DROPPED: Final = (
    "GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_DEFAULT_HASH",
    "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR",
    "GIT_PROTOCOL", "GIT_PROTOCOL_FROM_USER", "GIT_CURL_VERBOSE", "GIT_PAGER", "GIT_FLUSH",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_LITERAL_PATHSPECS", "LANGUAGE",
)  # fmt: skip
_DROPPED_PREFIXES: Final = ("GIT_TRACE", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


def local_env(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for children that only read a mirror on this machine."""
    return {name: environ[name] for name in _KEPT if name in environ} | _LOCAL


def network_env(
    environ: Mapping[str, str],
    *,
    allow_local: bool,
    config: Sequence[tuple[str, str]] = (),
) -> dict[str, str]:
    """
    Return the environment for git calls of a server that reach a remote: git as a guest.

    Args:
        environ: The daemon's own; little of it is kept.
        allow_local: A path on this machine may be a remote, and an address without TLS.
        config: More of git's settings, such as a pinned address or a secret header.
    """
    protocols = ["https", "ssh", *(["http", "file"] if allow_local else [])]
    kept = {name: environ[name] for name in _KEPT_FOR_NETWORK if name in environ}
    return {
        **local_env(environ),
        **kept,
        **_NO_PROMPT,
        **_HEADERS_ON_STDERR,
        **_as_variables([*_GUEST_CONFIG, *config]),
        "GIT_ALLOW_PROTOCOL": ":".join(protocols),
        "GIT_SSH_COMMAND": _SSH,
        "GIT_SSH_VARIANT": "ssh",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }


def user_env(environ: Mapping[str, str]) -> dict[str, str]:
    """
    Return the environment for git calls of an embedded daemon: git as its user, without prompts.

    The user's configuration, credential helper, proxies and ssh agent apply.  `core.sshCommand`
    is theirs as well, so nothing here overrides it; ssh cannot ask for a password there
    either, for it has no terminal and no askpass.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)
    }
    own = {
        **_NO_PROMPT,
        **_HEADERS_ON_STDERR,
        **_as_variables([*_configured(environ), ("credential.interactive", "false")]),
        "GIT_ALLOW_PROTOCOL": "https:ssh:http:git:file",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    if ssh := _batch_mode(environ.get("GIT_SSH_COMMAND", "")):
        own["GIT_SSH_COMMAND"] = ssh
    return kept | own


def with_settings(env: Mapping[str, str], config: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return *env* with more of git's settings, which win over those that it has."""
    return {**env, **_as_variables([*_configured(env), *config])}


def with_ssh_options(env: Mapping[str, str], options: Sequence[str]) -> dict[str, str]:
    """
    Return *env* with more options (`-o Key=value`, `-i path`) of its ssh command.

    ssh takes the first value that it is given for a key (ssh_config(5)), so these come first.
    """
    program, _, rest = env.get("GIT_SSH_COMMAND", "ssh").partition(" ")
    command = " ".join(part for part in (program, shlex.join(options), rest) if part)
    return {**env, "GIT_SSH_COMMAND": command}


def pinned(env: Mapping[str, str], place: Place, addresses: Sequence[str]) -> dict[str, str]:
    """
    Return *env* with the *addresses* that git is to use for the name of *place*, and no others.

    ssh takes one, the first; the host's key is looked for under its name, as without a pin.
    """
    if place.scheme == "ssh":
        is_usual = place.port == _SSH_PORT
        alias = place.host if is_usual else f"[{place.host}]:{place.port}"
        options = ["-o", f"HostName={addresses[0]}", "-o", f"HostKeyAlias={alias}"]
        return with_ssh_options(env, options)
    written = ",".join(f"[{one}]" if ":" in one else one for one in addresses)
    pin = f"{place.host}:{place.port}:{written}"
    return with_settings(env, [("http.curloptResolve", pin)])


def is_proxied(env: Mapping[str, str], scheme: str) -> bool:
    """Return whether git's requests of *scheme* may go through a proxy, as curl(1) reads *env*."""
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    return scheme != "ssh" and any(env.get(name) for name in names)


def _configured(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the settings that *environ* gives git in variables; see git-config(1)."""
    count = environ.get("GIT_CONFIG_COUNT", "")
    names = range(min(int(count), _SETTINGS_LIMIT) if count.isdecimal() else 0)
    pairs = [
        (environ.get(f"GIT_CONFIG_KEY_{n}"), environ.get(f"GIT_CONFIG_VALUE_{n}")) for n in names
    ]
    return [(key, value) for key, value in pairs if key is not None and value is not None]


def _as_variables(config: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return git settings as variables: unlike `-c` they show in no list of processes."""
    variables = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables


def _batch_mode(command: str) -> str:
    """Return the user's ssh command told not to ask; unchanged if it is not OpenSSH's."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    is_openssh = bool(words) and PurePath(words[0]).name == "ssh"
    return f"{command} -o BatchMode=yes" if is_openssh else command
