"""What a framework puts around its tests.

Zygote and worker are the same for every framework that is built on unittest;
a harness is what differs. The one here is that of plain unittest, and does
nothing. Methods are called in this order:

    zygote   welcomed, collection, collected, prepare, [forks], ending
    worker   welcomed (only if it was not forked), worker_began,
             then for each job: job_begins, [process_began], job_ended

Whatever cannot be made raises Unfit, which ends the run with its words.
"""

__unittest = True


class Unfit(Exception):
    """The tests cannot be run. `hint` says what to do; it may be None."""

    def __init__(self, reason, hint=None):
        super().__init__(reason)
        self.hint = hint


class Harness:
    """Plain unittest. A harness is made once, before the suite is loaded."""

    name = "mule.unittest"  # in greetings
    can = ()  # more words for the greeting of a zygote

    def welcomed(self, options, connection):
        """Mule answered: `options` of its welcome (docs/protocol/adapter.md).

        `connection` is for notes only.
        """

    def collection(self, send, skip):
        """The Collection that answers one `collect`."""
        from .adapters.collect import Collection
        return Collection(send, skip)

    def collected(self):
        """In the zygote: all is loaded, and nothing has been forked yet."""

    def prepare(self, say):
        """In the zygote, once, before the first fork, if `can` has `prepare`.

        `say(text)` tells the user what takes so long. May raise Unfit; after
        KeyboardInterrupt, which it lets through, `ending` is still called.
        """

    def result(self):
        """The class of the result; a subclass of adapters.worker.Result."""
        from .adapters.worker import Result
        return Result

    def worker_began(self, slot, forked):
        """In a new worker. `slot` is its number in the build."""

    def job_begins(self, tests):
        """In a worker, with the tests of a job in their order, before they
        run, and before the fork under `class` isolation. May raise Unfit."""

    def process_began(self):
        """In the process of one job, under `class` isolation."""

    def job_ended(self, well):
        """In the worker. Not `well`: the job's process died."""

    def ending(self):
        """In the zygote, when it was asked to stop: removes what it made."""

    def tidy(self, build):
        """Instead of all else, in a process of its own: removes what a build
        left whose zygote died. Gives the exit status."""
        return 0
