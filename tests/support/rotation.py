"""Stories that hold for each Celery on each broker, told by one pair each.

All pairs together take long. So each test meets one of them, another one for
each MULE_FLEET_ROTATION (a number); MULE_FLEET_ALL=1 lets each meet all.
"""

import os

PAIRS = (("newest", "redis"), ("5.2", "rabbitmq"),
         ("newest", "rabbitmq"), ("5.2", "redis"))


def tell(stories, case, module):
    """Makes a TestCase for each pair, in the namespace `module`."""
    every = os.environ.get("MULE_FLEET_ALL") == "1"
    turn = int(os.environ.get("MULE_FLEET_ROTATION") or 0)
    members = {name: value for name, value in vars(stories).items()
               if not name.startswith("__")}
    tests = sorted(name for name in members if name.startswith("test_"))
    for index, (version, kind) in enumerate(PAIRS):
        left_out = [] if every else [
            test for number, test in enumerate(tests)
            if (number + turn) % len(PAIRS) != index]
        name = "With%sOn%s" % (version.replace(".", "").title(), kind.title())
        told = {key: value for key, value in members.items()
                if key not in left_out}
        module[name] = type(name, (case,), {
            **told, "__module__": module["__name__"], "__qualname__": name,
            "stock_version": version, "broker_kind": kind})
