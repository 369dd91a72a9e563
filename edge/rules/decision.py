"""What the rules answer: facts to commit and apply, commands to carry out."""

import msgspec

from drivers.command import Command
from edge.state.facts import Fact


class Decision(msgspec.Struct, frozen=True):
    """`answer` is the result told to whoever asked (an operator, the platform): 'accepted' or a text id of the
    refusal; '' when nobody asked."""

    facts: tuple[Fact, ...] = ()
    commands: tuple[Command, ...] = ()
    answer: str = ""

    def __add__(self, other: "Decision") -> "Decision":
        return Decision(self.facts + other.facts, self.commands + other.commands, self.answer or other.answer)


NOTHING = Decision()
