"""Exit codes, and what stops a command: told to the person, never as a traceback."""

OK = 0
DEGRADED = 1
BAD_INPUT = 2
NO_DAEMON = 3
LIFE_SAFETY = 4
UNWRITTEN = 5  # the answer, not what was asked for: that may have been done
INTERRUPTED = 130  # 128 + SIGINT
UNREAD = 141  # 128 + SIGPIPE


class Trouble(Exception):  # noqa: N818  it is what the person is told
    """`code` is a text id, `args` its fields; `exit_code` what the command ends with."""

    def __init__(self, code: str, exit_code: int = BAD_INPUT, /, **args: object) -> None:
        super().__init__(code)
        self.code = code
        self.exit_code = exit_code
        self.fields = args
