#!/bin/sh
# Shows, without mule's help, that mule can be trusted to run tests: that it
# passes what passes, fails what fails, counts both, and leaves nothing out.
# Speaks TAP.
#
#   tests/smoke.sh PROGRAM
set -u

program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
count=0
unset MULE_LOG PYTHONUNBUFFERED GITHUB_ACTIONS

# expect NAME STATUS PATTERN ARGUMENT...: runs the program in $folder/suite; it
# must end with the status and say something that the pattern fits.
expect() {
    name=$1
    wanted=$2
    pattern=$3
    shift 3
    count=$((count + 1))
    (cd "$folder/suite" && timeout 60 "$program" "$@") >"$folder/out" 2>&1
    status=$?
    if [ $status = "$wanted" ] && grep -qE -- "$pattern" "$folder/out"; then
        echo "ok $count - $name"
        return
    fi
    echo "not ok $count - $name"
    echo "# status $status, wanted $wanted with: $pattern"
    sed 's/^/# /' "$folder/out"
}

# suite NAME=TEXT...: begins a new folder of test modules.
suite() {
    rm -rf "$folder/suite"
    mkdir "$folder/suite"
    for file in "$@"; do
        printf '%b' "${file#*=}" >"$folder/suite/${file%%=*}"
    done
}

class='import os, unittest\nclass T(unittest.TestCase):\n'

suite
expect "the version is told" 0 '^mule [0-9]+\.[0-9]+' --version
expect "help is given" 0 'test' --help
expect "an unknown option is a mistake of usage" 4 'no-such' test --no-such
expect "no tests are not a success" 5 '' test

suite "test_good.py=${class} def test_a(self): pass\n def test_b(self): pass\n"
expect "what passes is passed" 0 '^2 selected = 2 passed' test
expect "one test can be named" 0 '^1 selected = 1 passed' \
    test test_good.T.test_b
expect "an unknown label is an error" 4 'test_god' test test_god
expect "tests are listed" 0 'test_good.T.test_a' list

suite "test_bad.py=${class} def test_a(self): pass
 def test_b(self): self.assertEqual(1, 2)
 def test_c(self): raise ValueError
 def test_d(self): self.skipTest('no')\n"
expect "what fails is failed" 1 \
    '^4 selected = 1 passed \+ 1 failed \+ 1 error \+ 1 skipped' test
expect "the summary is that of unittest" 1 \
    '^FAILED \(failures=1, errors=1, skipped=1\)' test

suite "test_crash.py=${class} def test_a(self): pass
 def test_b(self): os._exit(0)
 def test_c(self): pass\n"
expect "a test that leaves is not a pass, and costs no other" 1 \
    '^3 selected = 2 passed \+ .*1 crashed' test

suite "test_broken.py=import no_such_module\n" \
    "test_good.py=${class} def test_a(self): pass\n"
expect "a module that cannot be imported is an error" 1 \
    '^2 selected = 1 passed .*\+ 1 error' test

suite "test_hang.py=import time\n${class} def test_a(self): time.sleep(600)\n"
expect "a test that hangs is ended" 1 '^1 selected = .*1 timeout' \
    test --test-timeout 1

echo "1..$count"
