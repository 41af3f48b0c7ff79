"""What may be a nickname."""

RESERVED = {"admin", "root", "moderator"}


def problem_of(nickname):
    """What is wrong with a nickname, or None."""
    if len(nickname) < 3:
        return "too short"
    if nickname.lower() in RESERVED:
        return "reserved"
    return None
