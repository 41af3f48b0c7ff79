"""What mule starts, by path: `python3 .../adapters/__main__.py unittest`.

Tests must find the interpreter as `python -m unittest` has it: the current
folder first on sys.path, a `__main__` that is unittest's, and nothing of
mule in the way. So mule's own package is registered under a private name,
found by its path, and its folder is taken off sys.path again.
"""

import sys

PACKAGE = "_mule"


def register_package():
    """Make mule's package importable as PACKAGE, and only as that."""
    from importlib.machinery import ModuleSpec, SourceFileLoader
    folder = __file__.rpartition("/")[0].rpartition("/")[0]
    loader = SourceFileLoader(PACKAGE, folder + "/__init__.py")
    spec = ModuleSpec(PACKAGE, loader, origin=loader.path, is_package=True)
    spec.submodule_search_locations = [folder]
    package = type(sys)(PACKAGE)
    package.__file__ = loader.path
    package.__path__ = spec.submodule_search_locations
    package.__spec__ = spec
    package.__package__ = PACKAGE
    package.__loader__ = loader
    sys.modules[PACKAGE] = package
    loader.exec_module(package)


def become_unittest():
    """sys.path, sys.argv and `__main__` as `python -m unittest` has them."""
    import os
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        sys.path[0] = os.getcwd()
    sys.argv[:] = [os.path.basename(sys.executable) + " -m unittest"]

    import unittest
    from importlib.machinery import PathFinder
    spec = PathFinder.find_spec("unittest.__main__", unittest.__path__)
    main = type(sys)("__main__")
    main.__file__ = spec.origin
    main.__spec__ = spec
    main.__loader__ = spec.loader
    main.__package__ = "unittest"
    main.__builtins__ = __builtins__
    main.__doc__ = "Main entry point"
    sys.modules["__main__"] = main


def start():
    name = sys.argv[1] if len(sys.argv) > 1 else "unittest"
    if name != "unittest":
        sys.exit("mule: no adapter named %r" % name)
    register_package()
    import _mule.adapters.own  # before the suite's folder comes first
    become_unittest()
    from _mule.adapters.zygote import main
    main()


if __name__ == "__main__":
    start()
