"""How tests of Django end, and what is shown of it.

Django ends a test after unittest thinks it has ended: what it finds when it
rolls back (a foreign key that points nowhere, a connection that is gone) is
this test's, and so it is told of a test only when the next thing happens.
"""

import inspect
import io
import logging

from ...adapters.worker import Result

__unittest = True

SEPARATOR = "-" * 70


class DjangoResult(Result):

    _held = None  # a test that has ended for unittest, but not for Django

    def stopTest(self, test):
        if self._state is None and self._findings is None:
            super().stopTest(test)  # something that unittest lets through
        else:
            self._held = test
            self._unsettled = True

    def _settle(self):
        held, self._held = self._held, None
        if held is not None:
            self._unsettled = self._fixture is not None
            super().stopTest(held)
        super()._settle()

    def _own(self, test):
        if self._held is not None and self._whole(test) is not self._held:
            self._settle()
        super()._own(test)

    def _finding(self, kind, test, err):
        finding = super()._finding(kind, test, err)
        if test is self._held:
            self._point_to_test(finding, test)
        return finding

    @staticmethod
    def _point_to_test(finding, test):
        """Django found it afterwards, in no line of the project's."""
        method = inspect.unwrap(
            getattr(type(test), test._testMethodName, test))
        code = getattr(method, "__code__", None)
        if code is not None:
            finding["where"] = "tearDown"
            finding["file"] = code.co_filename
            finding["line"] = code.co_firstlineno

    @staticmethod
    def _whole(test):
        return getattr(test, "test_case", test)


class DebugSQLResult(DjangoResult):
    """Adds the queries of a test to its failure, as Django prints them."""

    _queries = None
    _handler = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._logger = logging.getLogger("django.db.backends")

    def startTest(self, test):
        self._logger.setLevel(logging.DEBUG)
        self._queries = io.StringIO()
        self._handler = logging.StreamHandler(self._queries)
        self._logger.addHandler(self._handler)
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self._logger.removeHandler(self._handler)

    def _finding(self, kind, test, err):
        finding = super()._finding(kind, test, err)
        if kind in ("failure", "error"):
            sql = ""  # a fixture's, before any test
            if self._queries is not None:
                sql = self._queries.getvalue()
            finding["trace"] = self._cut("%s\n%s\n%s\n" % (
                finding["trace"], SEPARATOR, formatted(sql)))
        return finding


def formatted(sql):
    import sqlparse
    return sqlparse.format(sql, reindent=True, keyword_case="upper")
