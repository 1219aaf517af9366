"""The command line. Commands import what they need when they run, so that `--help` is fast."""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["main"]

_COMMANDS = {
    "check": ("api.cli.check", "Judge the records of a file against their rulesets."),
    "lint": ("api.cli.lint", "Show every mistake in the rulesets and run their worked cases."),
    "rulesets": ("api.cli.rulesets", "List and show rulesets; publish and retire their versions."),
    "serve": ("api.cli.serve", "Serve the API."),
    "sources": ("api.cli.sources", "Prove the citations against the original documents."),
}

_STOPPED = 130


class _Lazy(click.Group):
    """A group whose commands live in modules of their own, named like the command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(_COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command. Ctrl-C ends it with the exit code that shells expect of that."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            raise click.exceptions.Exit(_STOPPED) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from the table above, so that help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(_COMMANDS.items())])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="xueheng", prog_name="xueheng")
def main() -> None:
    """Xueheng: education plans as rulesets; facts in, cited compliance verdicts out."""
