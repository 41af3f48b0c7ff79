sub test_upper_case {
    die "uc is broken" if uc 'mule' ne 'MULE';
}

sub test_reverse {
    my $back = reverse 'mule';
    die "reverse gives $back" if $back ne 'elum';
}
