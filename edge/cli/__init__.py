"""`lantai`: the daemon, and the technician's tool. `run` starts within a second, so it loads nothing of the tool."""

import sys


def main() -> int:
    """The command line of `lantai`. Returns the exit code."""
    from edge.cli.names import foreign_package  # noqa: PLC0415  each command loads only what it needs
    from edge.cli.streams import own_streams  # noqa: PLC0415

    own_streams()
    arguments = sys.argv[1:]
    stolen = foreign_package()
    if stolen:
        sys.stderr.write(f"lantai: {stolen}\n")
        return 2
    if arguments[:1] == ["run"]:
        from edge.cli.run import run_if_plain  # noqa: PLC0415

        code = run_if_plain(arguments[1:])
        if code is not None:
            return code
    from edge.cli.trouble import INTERRUPTED  # noqa: PLC0415

    try:
        from edge.cli.app import tool  # noqa: PLC0415  half a second, in which a person may think better of it

        return tool(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
