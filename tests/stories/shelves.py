"""The small vault with its shelves full: nine volumes before each of its four antennas, v0..v8 before the first."""

from collections.abc import Collection

from tests.stories.small_vault import Story

PER_SEGMENT = 9


def full_shelves(story: Story) -> None:
    """Catalogue a volume for every slot of A-01L-01 .. A-01L-04."""
    story.catalogue([f"A-01L-0{s}-1-0{slot}" for s in range(1, 5) for slot in range(1, PER_SEGMENT + 1)])


def search(story: Story, rounds: int, dead: Collection[int] = ()) -> None:
    """Rounds in which every antenna reads all that stands before it and nothing else, but the dead read nothing."""
    for _ in range(rounds):
        story.round(
            {
                antenna: range((antenna - 1) * PER_SEGMENT, antenna * PER_SEGMENT)
                for antenna in range(1, 5)
                if antenna not in dead
            }
        )
