#!/bin/sh
# Version 14: subtests and YAML blocks without any library.
cat <<'END'
TAP version 14
# Subtest: arithmetic
    ok 1 - two and two
    ok 2 - three by three
    1..2
ok 1 - arithmetic
ok 2 - took its time
  ---
  duration_ms: 12.5
  ...
ok 3 - numbers \# and names
1..3
END
