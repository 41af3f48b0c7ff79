"""Test databases on MariaDB, as test_django_postgres.py on PostgreSQL."""

import os
import shutil
import unittest

from support.database_servers import MariaServer
from support.scene_case import SceneCase
from system.test_django_postgres import OnServer


class OnMaria(OnServer, SceneCase):
    kind = MariaServer
    suicide = "KILL CONNECTION_ID()"
    identity = ("SELECT CAST(MIN(create_time) AS CHAR) FROM"
                " information_schema.tables WHERE table_schema = database()"
                " AND table_name = 'shop_item'")
    poor = ("CREATE USER IF NOT EXISTS poor@'%';"
            "CREATE USER IF NOT EXISTS poor@localhost")
    locked = ("CREATE USER IF NOT EXISTS locked@'%' IDENTIFIED BY 'right';"
              "CREATE USER IF NOT EXISTS"
              " locked@localhost IDENTIFIED BY 'right'")
    weak = (r"CREATE USER weak@'%'; CREATE USER weak@localhost;"
            r"GRANT ALL ON `weak\_%`.* TO weak@'%';"
            r"GRANT ALL ON `weak\_%`.* TO weak@localhost;")
    grant = r"GRANT ALL PRIVILEGES ON `test\_%`.* TO 'poor'@"

    def test_a_missing_program_is_named(self):
        found = self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: attempt(
                    lambda: d.make_clean(["default"]))))
            """, env={"PATH": "/nonexistent"})
        self.assertIn("mysqldump is not found", found["reason"])
        self.assertIn("mariadb-client", found["hint"])

    def test_a_clone_that_fails_half_way_is_dropped(self):
        bin = os.path.join(self.folder, "bin")
        for name, text in (
                ("mysql", "head -c 100 > /dev/null; echo 'ERROR 1114 (HY000) "
                 "at line 7: The table is full' >&2; exit 1"),
                ("mysqldump", "echo 'CREATE TABLE t (id int);'; "
                 "echo 'mysqldump: Error 2013: Lost connection' >&2; exit 3")):
            with self.subTest(name):
                shutil.rmtree(bin, ignore_errors=True)
                os.chmod(self.write("bin/" + name, "#!/bin/sh\n" + text),
                         0o755)
                found = self.play("""
                    with Build() as build:
                        tell(build.worker(0, lambda d: attempt(
                            lambda: d.make_clean(["default"]))))
                        from django.db import connections
                        tell(sorted(build.databases._targets[0].server.there(
                            connections["default"], ["test_shop_b1_0"])))
                    """, env={"PATH": bin + ":" + os.environ["PATH"]})
                self.assertIn("no space is left" if name == "mysql"
                              else "Lost connection", found[0]["reason"])
                self.assertEqual(found[1], [])

    def test_what_a_test_case_did_to_tables_is_seen(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    sql("DROP TABLE shop_item")  # commits
                    databases.used(["default"], False)
                    databases.make_clean(["default"])
                    return names()
                tell(build.worker(0, work))
            """), ["first"])

    def test_routines_and_triggers_are_cloned(self):
        self.write("shop/migrations/0002_more.py", '''
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE TRIGGER t BEFORE INSERT ON shop_item"
                          " FOR EACH ROW SET NEW.name = UPPER(NEW.name)"),
        migrations.RunSQL("CREATE FUNCTION f() RETURNS INT RETURN 7")]
''')
        self.assertEqual(self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), add("mine"), names(),
                    sql("SELECT f()"))[2:]))
            """), [["MINE", "first"], [[7]]])

if __name__ == "__main__":
    unittest.main()
