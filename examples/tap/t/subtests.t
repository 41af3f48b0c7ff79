#!/usr/bin/env perl
# Perl's own Test::More: subtests, and a TODO that is expected to fail.
use strict;
use warnings;
use Test::More;

subtest 'strings' => sub {
    plan tests => 2;
    is uc('mule'), 'MULE', 'upper case';
    is length('mule'), 4, 'length';
};

subtest 'lists' => sub {
    is_deeply [sort qw(c a b)], [qw(a b c)], 'sorted';
    is scalar(grep { $_ % 2 } 1 .. 9), 5, 'odd ones';
    done_testing;
};

TODO: {
    local $TODO = 'nobody has found the pattern yet';
    ok 0, 'the next prime is known';
}

done_testing;
