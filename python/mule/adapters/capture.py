"""Where the output of tests goes, and how much of it there is.

Descriptors 1 and 2 are files in append mode; a copy of each at a high number
says how long it is, whatever tests do to the low ones.
"""

import io
import os
import stat
import sys

from .protocol import move_up

__unittest = True

_lseek, _fstat, _dup, _dup2 = os.lseek, os.fstat, os.dup, os.dup2
_open, _close = os.open, os.close
_get_inheritable = os.get_inheritable
MARK = 1 << 40
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class Capture:
    """The capture files of this process. `out` and `err` are descriptors."""

    def __init__(self, out_path=None, err_path=None):
        self.paths = (out_path, err_path)
        if out_path is None:
            self.out, self.err = move_up(_dup(1)), move_up(_dup(2))
        else:
            self._open()
            _dup2(self.out, 1)
            _dup2(self.err, 2)
        self.marks = [_identity(self.out), _identity(self.err)]
        self.merged = self.marks[0] == self.marks[1]
        self.size = _lseek if self._is_file() else _no_size

    def _open(self):
        out, err = self.paths
        self.out = self.err = move_up(_open(out, APPEND, 0o600))
        if err != out:
            self.err = move_up(_open(err, APPEND, 0o600))

    def _is_file(self):
        return all(stat.S_ISREG(_fstat(fd).st_mode)
                   for fd in (self.out, self.err))

    def where(self):
        """(bytes in out, bytes in err); 0 where there is no telling."""
        if self.size is _no_size:
            return 0, 0
        for _ in range(2):
            try:
                out, err = _fstat(self.out), _fstat(self.err)
            except OSError:
                pass
            else:
                if [(out.st_dev, out.st_ino),
                        (err.st_dev, err.st_ino)] == self.marks:
                    break
            if self.paths[0] is None:
                self.size = _no_size  # closed, and nobody knows their names
                return 0, 0
            self._open()
            self.marks = [_identity(self.out), _identity(self.err)]
        return out.st_size, err.st_size

    def quick(self):
        """The same, for a process in which no test has run."""
        return self.size(self.out, 0, 2), self.size(self.err, 0, 2)

    def is_whole(self):
        """Are descriptors 0 to 2 still what they were? Without fstat, which
        costs as much as a short test: the files are in append mode, so an
        odd position can serve as a mark that copies of a descriptor share.
        """
        try:
            _get_inheritable(0)
            _lseek(self.out, MARK, 0)
            if _lseek(1, 0, 1) != MARK:
                return False
            _lseek(self.err, MARK + 1, 0)
            return _lseek(2, 0, 1) == MARK + 1
        except OSError:
            return False

    def restore(self):
        """Put the low descriptors right for the next job."""
        if self.paths[0] is None or self.is_whole():
            return
        self.where()
        if [_identity(1), _identity(2)] != self.marks:
            _dup2(self.out, 1)
            _dup2(self.err, 2)
        if _identity(0) is None:
            null = _open(os.devnull, os.O_RDONLY)
            if null != 0:
                _dup2(null, 0)
                _close(null)


def _identity(fd):
    try:
        status = _fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _no_size(fd, offset, whence):
    return 0


def write_through():
    """Let Python's streams write at once, as with -u.

    What a stream still holds when the process dies is lost.
    """
    for name, fd in (("stdout", 1), ("stderr", 2)):
        old = getattr(sys, name)
        if old is None or not hasattr(old, "encoding"):
            continue
        old.flush()
        raw = io.FileIO(fd, "w", closefd=False)
        raw.name = "<%s>" % name
        new = io.TextIOWrapper(raw, old.encoding, old.errors,
                               write_through=True)
        new.mode = "w"
        setattr(sys, name, new)
        setattr(sys, "__%s__" % name, new)


class CStreams:
    """The buffers of the C library, reached without the ctypes package."""

    def __init__(self):
        self._call = None
        try:
            import _ctypes
            handle = _ctypes.dlopen(None, 0)
            self._call = _ctypes.call_function
            self._fflush = _ctypes.dlsym(handle, "fflush")
            self._unbuffer(_ctypes, handle)
        except (ImportError, AttributeError, OSError, ValueError, TypeError):
            pass

    def _unbuffer(self, ctypes, handle):
        """setvbuf(stdout, NULL, _IONBF, 0)"""
        class Library:
            _handle = handle

        class Pointer(ctypes._SimpleCData):
            _type_ = "P"

        name = "__stdoutp" if sys.platform == "darwin" else "stdout"
        address = Pointer.in_dll(Library, name)
        self._call(ctypes.dlsym(handle, "setvbuf"), (address, None, 2, 0))

    def flush(self):
        if self._call is not None:
            self._call(self._fflush, (None,))
