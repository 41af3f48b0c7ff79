# A class that is shown here is known as forums.ModerationTests, too, though
# discovery would not look at the file that defines it.
from .moderation import ModerationTests

__all__ = ["ModerationTests"]
