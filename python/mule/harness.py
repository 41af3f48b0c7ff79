"""What a framework puts around its tests.

Zygote and worker are the same for every framework that is built on unittest;
a harness is what differs. The one here is that of plain unittest, and does
nothing. Methods are called in this order:

    zygote   welcomed, collection, collected, prepare, [forks], ending
    worker   welcomed (only if it was not forked), worker_began,
             then for each job: job_begins, [process_began], arranged,
             job_ended; ending (only if it was not forked)

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
    command = "mule test"  # what a user types
    can = ()  # more words for the greeting of a zygote
    beside_jobs = False  # the methods about jobs are called
    stays_frozen = False  # a worker's own jobs leave alone what was loaded
    faulthandler = True  # a crash says where every thread was
    tags = None

    def welcomed(self, options, connection):
        """Mule answered: `options` of its welcome (docs/protocol/adapter.md).

        `connection` is for notes only, and `connection.build` is the build.
        """
        wanted, unwanted = options.get("tags"), options.get("exclude_tags")
        if wanted or unwanted:
            from .adapters.collect import Tags
            self.tags = Tags(wanted or (), unwanted or ())

    def collection(self, send, skip):
        """The Collection that answers one `collect`."""
        from .adapters.collect import Collection
        return Collection(send, skip, self.tags)

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

    def warn(self):
        """Set the filters of warnings under which tests run."""
        from .adapters.settings import warn_as_unittest
        warn_as_unittest()

    def worker_began(self, slot, forked):
        """In a new worker. `slot` is its number in the build. One that was
        not forked may have to prepare for itself. May raise Unfit."""

    def job_begins(self, tests):
        """In a worker, before a job, and before the fork under `class`
        isolation. `tests` are in their order, and a test that ran before may
        be a pair: its class, and the name of its method. May raise Unfit."""

    def process_began(self):
        """In the process of one job, under `class` isolation."""

    def arranged(self, suite, tests):
        """The suite to run in place of `suite`, whose tests these are."""
        return suite

    def job_ended(self, well):
        """In the worker. Not `well`: the job's process died, or should go no
        further. False: this worker should not run another job."""
        return True

    def ending(self):
        """When the process that prepared was asked to stop: removes what it
        made."""

    def tidy(self, build):
        """Instead of all else, in a process of its own: removes what a build
        left whose zygote died. Gives the exit status."""
        return 0
