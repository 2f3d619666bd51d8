"""`cidx up`, `cidx down`, `cidx open`."""

from __future__ import annotations

import webbrowser

import click

from cidx import local, repositories, settings, terminal
from cidx.client import Client
from cidx.options import json_option


@click.command()
@json_option
def up(*, is_json: bool) -> None:
    """Start the embedded daemon if it does not run, and print its URL."""
    runtime = local.ensure(settings.data_folder())
    if is_json:
        terminal.out_json(
            {"server_url": runtime.url, "pid": runtime.pid, "version": runtime.version}
        )
    else:
        terminal.out(runtime.url)


@click.command()
@json_option
def down(*, is_json: bool) -> None:
    """Stop the embedded daemon; its queued jobs go on when it starts again."""
    was_running = local.stop(settings.data_folder())
    if is_json:
        terminal.out_json({"stopped": was_running})
    else:
        terminal.say("stopped" if was_running else "the embedded daemon was not running")


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """
    Print what completes commands, repository names and job ids in SHELL.

    bash: eval "$(cidx completion bash)" in ~/.bashrc;
    zsh: the same in ~/.zshrc;
    fish: cidx completion fish > ~/.config/fish/completions/cidx.fish
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - used here only

    from cidx.cli import cli  # noqa: PLC0415 - it imports this module

    made = get_completion_class(shell)
    if made is not None:
        terminal.out(made(cli, {}, "cidx", "_CIDX_COMPLETE").source())


@click.command("open")
@click.option("--print", "is_printed", is_flag=True, help="Print the address; open nothing.")
@json_option
def open_dashboard(*, is_printed: bool, is_json: bool) -> None:
    """Open the server's page in a browser, logged in; the address is good once, for a minute."""
    with Client(repositories.server()) as client:
        code = client.post("/api/auth/code")["code"]
        address = f"{client.access.url}/#code={code}"
    if is_json:
        terminal.out_json({"url": address})
    elif is_printed or not webbrowser.open(address):
        terminal.out(address)
