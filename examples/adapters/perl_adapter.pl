#!/usr/bin/env perl
# An adapter for mule in one page: tests are the subs called test_* in files
# called test_*.pl. A test that dies has failed, one that dies with "SKIP: why"
# is skipped. See docs/protocol/adapter.md; section numbers below are its.
sub evaluate { return eval $_[0] }    # up here, where nothing of ours is seen
use strict;
use warnings;
use File::Find ();
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Time::HiRes 'time';

my $json = JSON::PP->new->utf8->canonical;
my ($role, $unread, $socket, @found, %children) = ('zygote', '');

sub say_to_mule {                     # if mule is gone: stop quietly
    print $socket $json->encode({@_}), "\n" or POSIX::_exit(0);
}

sub greet {                           # section 1
    my ($slot, @can) = @_;
    $socket = IO::Socket::UNIX->new(Peer => $ENV{MULE_SOCKET}) or die "mule: $!";
    say_to_mule(msg => 'hello', protocol => '1.0', role => $role, pid => $$,
        adapter => 'perl-example', version => '1', language => "Perl $^V",
        can => \@can, defined $slot ? (slot => $slot + 0) : ());
}

sub serve {                           # asks us one thing after another
    pipe my $wake, my $child_ended or die $!;
    $SIG{CHLD} = sub { syswrite $child_ended, '.' } if $role eq 'zygote';
    while (1) {
        my $want = '';
        vec($want, fileno $_, 1) = 1 for $socket, $wake;
        next if select($want, undef, undef, undef) < 0;    # a signal
        sysread($wake, my $dots, 99), bury() if vec $want, fileno $wake, 1;
        next if !vec $want, fileno $socket, 1;
        sysread $socket, $unread, 65536, length $unread or POSIX::_exit(0);
        while ($unread =~ s/^(.*)\n//) {
            my $asked = $json->decode($1);
            my $do = {collect => \&collect, fork => \&fork_worker, run => \&run,
                stop => sub { POSIX::_exit(0) }}->{$asked->{msg}};
            $do->($asked) if $do;
        }
    }
}

sub collect {                         # section 3
    my ($asked, $jobs, @files, %used) = (@_, 0);
    my %label = map { (s{^\./|/$}{}gr => $_) } @{$asked->{labels}};
    File::Find::find({no_chdir => 1, wanted => sub {
        push @files, s{^\./}{}r if m{(^|/)test_\w*\.pl$} }}, $asked->{basedir});
    @found = ();
    for my $file (sort @files) {
        my $name = $file =~ s/\.pl$//r =~ s{/}{.}gr;
        my @whole = ('.', $name, $file);    # labels that mean all of the file
        for (my $up = $file; $up =~ s{/[^/]*$}{};) { push @whole, $up }
        @whole = grep { exists $label{$_} } @whole;
        my @parts = grep { /^\Q$name\E\./ } keys %label;
        next if exists $asked->{skip}{$name} || %label && !@whole && !@parts;
        my @tests = load($file, $name);
        @tests = grep { exists $label{$name . $_->{id}} } @tests if %label && !@whole;
        $used{$_} = 1 for @whole, map { $name . $_->{id} } @tests;
        push @found, @tests;
        $jobs += @tests > 0 || next;
        say_to_mule(msg => 'job', name => $name, file => $file, load => $name,
            kind => $tests[0]{broken} ? 'import' : 'file',
            items => [map { [@$_{'id', 'line'}] } @tests]);
    }
    say_to_mule(msg => 'unknown', label => $label{$_}, reason => 'no such test')
        for grep { !$used{$_} } sort keys %label;
    say_to_mule(msg => 'collected', jobs => $jobs, items => scalar @found);
}

sub load {
    my ($file, $name) = @_;
    say_to_mule(msg => 'importing', module => $name, file => $file);
    open my $in, '<', $file or return {id => $name, line => 0, broken => "$file: $!"};
    my $source = do { local $/; <$in> };
    my $package = $name =~ s/\W/_/gr;
    evaluate("package $package;\n#line 1 \"$file\"\n$source\n;1")
        or return {id => $name, line => 0, broken => $@};
    my ($line, @tests) = (0);
    for (split /\n/, $source) {
        $line++;
        next if !/^sub (test_\w+)/;
        push @tests, {id => ".$1", line => $line, code => $package->can($1)};
    }
    return @tests;
}

sub fork_worker {                     # section 4
    my ($asked) = @_;
    my $pid = fork // return say_to_mule(msg => 'failed', slot => $asked->{slot}, reason => "$!");
    $children{$pid} = $asked->{slot};
    return say_to_mule(msg => 'forked', slot => $asked->{slot}, pid => $pid) if $pid;
    ($role, $unread, $SIG{CHLD}) = ('worker', '', 'DEFAULT');
    setpgrp 0, 0;
    set_environment($asked->{env});
    open STDOUT, '>>', $asked->{out} or die $!;
    open STDERR, '>>', $asked->{err} or die $!;
    $_->autoflush for *STDOUT, *STDERR;
    greet($asked->{slot}, 'run');
    serve();
}

sub set_environment {
    my ($env) = @_;
    defined $env->{$_} ? ($ENV{$_} = $env->{$_}) : delete $ENV{$_} for keys %$env;
}

sub bury {
    while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) {
        say_to_mule(msg => 'exited', slot => delete $children{$pid}, pid => $pid, status => $?);
    }
}

sub sizes { return map { -s $_ // 0 } *STDOUT, *STDERR }
sub output_since {                    # which bytes of the capture files
    my ($out, $err) = sizes();
    return (out => [$_[0], $out], err => [$_[1], $err]);
}

sub run {                             # section 5
    my ($asked, $began, @at) = (@_, time, sizes());
    my $last = ($asked->{first} // 0) + ($asked->{count} // 0) - 1;
    set_environment($asked->{env});
    run_item($_) for $asked->{items} ? @{$asked->{items}} : $asked->{first} .. $last;
    say_to_mule(msg => 'done', job => $asked->{job},
        us => int((time - $began) * 1e6), output_since(@at));
}

sub run_item {
    my ($item) = @_;
    my ($test, $began, @at) = ($found[$item], time, sizes());
    say_to_mule(msg => 'started', item => $item);
    my $fine = !$test->{broken} && eval { $test->{code}->(); 1 };
    my $why = $fine ? '' : $test->{broken} // "$@";
    my ($state, $kind) = $test->{broken} ? qw(error error) : qw(failed failure);
    my %finding = (kind => $kind, type => 'die', trace => $why, message => $why =~ s/\n.*//sr);
    @finding{'file', 'line'} = ($1, $2 + 0) if $why =~ / at (\S+) line (\d+)/;
    say_to_mule(msg => 'finished', item => $item, us => int((time - $began) * 1e6),
        output_since(@at),
        $fine ? (state => 'passed')
        : $why =~ /^SKIP: (.*)/ ? (state => 'skipped', reason => $1)
        : (state => $state, findings => [\%finding]));
}

greet(undef, 'collect', 'fork');
serve();
