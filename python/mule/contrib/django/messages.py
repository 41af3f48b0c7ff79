"""What went wrong with a database, in words that a user can act on."""

import contextlib

from ...harness import Unfit

__unittest = True


@contextlib.contextmanager
def explained(doing, words=(), server=None, wrapper=None):
    """Makes Unfit of whatever is raised, but of KeyboardInterrupt.

    `words` is what Django said before it left with SystemExit.
    """
    try:
        yield
    except (Unfit, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:
        raise Unfit(f"{doing}: {type(error).__name__}: {error}") from error
