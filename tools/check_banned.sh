#!/bin/sh
# Checks that what src/util/banned.h bans does not compile: each function it
# names is called once, and each call must fail.
set -u

cd "$(dirname "$0")/.." || exit 2
cc=${CC:-cc}
bad=0
names=$(sed -n 's/^#define \([a-z]*\)(\.\.\.) BANNED.*/\1/p' src/util/banned.h)

compiles() {
    printf 'void f(void);\nvoid f(void) { %s; }\n' "$1" |
        $cc -std=gnu17 -D_GNU_SOURCE -w -Isrc -include src/util/banned.h \
            -Werror=implicit-function-declaration -fsyntax-only -x c - \
            2>/dev/null
}

if [ -z "$names" ] || ! compiles 'strlen("")'; then
    echo "the check itself is broken"
    exit 1
fi
for name in $names; do
    if compiles "$name(0, 0)"; then
        echo "$name is banned and compiles"
        bad=1
    fi
done
exit $bad
