sub test_addition {
    die "wrong sum" if 1 + 1 != 2;
}

sub test_output {
    print "this belongs to test_output\n";
}

sub test_later {
    die "SKIP: rational numbers are not there yet\n";
}
