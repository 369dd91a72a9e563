"""Who asks: the kernel vouches for the uid at the other end of the socket, the policy says which person that is."""

import socket
import struct
from collections import Counter

import msgspec

from config.policy import Policy, Role
from edge.api.wire import Refused
from edge.rules.actions import ROLES

_UCRED = struct.Struct("3i")  # pid, uid, gid: struct ucred of unix(7)


class Caller(msgspec.Struct, frozen=True):
    """A person at a terminal; `terminal` tells connections of one person apart."""

    person: str
    uid: int
    roles: tuple[Role, ...]
    terminal: str


class Seats:
    """How many clients each uid has: one with `most` gets no further one, whatever others have."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[int] = Counter()

    def take(self, uid: int) -> None:
        """Raises Refused(too_many_clients)."""
        if self._taken[uid] >= self._most:
            raise Refused("too_many_clients", most=self._most)
        self._taken[uid] += 1

    def leave(self, uid: int) -> None:
        """One that was taken is free again."""
        self._taken[uid] -= 1


def peer(sock: socket.socket) -> tuple[int, int]:
    """(pid, uid) of the process that connected."""
    pid, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return pid, uid


def caller(policy: Policy, pid: int, uid: int) -> Caller:
    """The person behind a uid. Raises Refused: no_person, person_ambiguous (a login of two vouches for neither),
    no_role."""
    found = [name for name, person in policy.people.items() if person.uid == uid]
    if not found:
        raise Refused("no_person", uid=uid)
    if len(found) > 1:
        raise Refused("person_ambiguous", uid=uid, people=", ".join(sorted(found)))
    roles = policy.people[found[0]].roles
    if not roles:
        raise Refused("no_role", person=found[0])
    return Caller(person=found[0], uid=uid, roles=roles, terminal=f"local/{pid}")


def role_for(who: Caller, action: str, claimed: str) -> str:
    """The role in which the person acts: the claimed one, else the first that may, else their first. '' for a claimed
    role they do not hold: the step refuses it and puts that on record."""
    if claimed:
        return claimed if claimed in who.roles else ""
    allowed = ROLES.get(action, frozenset())
    return next((role for role in who.roles if role in allowed), who.roles[0])


def is_auditor(who: Caller) -> bool:
    """Whether the audit trail may be read."""
    return "auditor" in who.roles
