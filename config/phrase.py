"""What a person is told, before a language is chosen: a text id and its arguments; config/messages.py has the words."""

import errno

import msgspec


class Phrase(msgspec.Struct, frozen=True):
    """A sentence or part of one: `id` is a text id of config/texts/phrases.*.yaml; an argument may be one itself."""

    id: str
    args: dict[str, "Said"] = {}


Said = str | int | float | Phrase
"""A phrase, or a value that is the same in every language."""


def phrase(text_id: str, /, **args: Said) -> Phrase:
    """The only way a phrase is made: a test reads the id and the argument names of every call."""
    return Phrase(text_id, args)


_OS_REASONS = {
    errno.ENOENT: phrase("os_no_such_file"),
    errno.EACCES: phrase("os_no_permission"),
    errno.EPERM: phrase("os_no_permission"),
    errno.EISDIR: phrase("os_is_a_directory"),
    errno.ENOTDIR: phrase("os_no_such_file"),
    errno.ENAMETOOLONG: phrase("os_name_too_long"),
    errno.EROFS: phrase("os_read_only"),
    errno.ENOSPC: phrase("os_disk_full"),
    errno.EADDRINUSE: phrase("os_address_in_use"),
    errno.EBADF: phrase("os_not_open"),
}


def os_reason(error: OSError) -> Phrase:
    """Why the system refused, in the language of the person where it is one of the usual reasons."""
    known = _OS_REASONS.get(error.errno or 0)
    return known or phrase("os_other", detail=(error.strerror or type(error).__name__).lower())
