#include "check.h"

#include <string.h>

#include "transport/base64.h"
#include "util/alloc.h"

static void
the_vectors_of_the_standard_hold(void **state)
{
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"},
                                             {"\xfb\xff\xfe", "+//+"}};

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct buf text = BUF_INIT(64);
        struct buf bytes = BUF_INIT(64);
        assert_true(base64_encode(&text, slice_of(vectors[i][0])));
        assert_string_equal(buf_text(&text), vectors[i][1]);
        assert_true(base64_decode(&bytes, slice_of(vectors[i][1])));
        assert_string_equal(buf_text(&bytes), vectors[i][0]);
        buf_release(&text);
        buf_release(&bytes);
    }
}

static void
any_bytes_of_any_length_come_back(void **state)
{
    char bytes[10000];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)(i * 31 + i / 256);
    }
    for (size_t len = 0; len <= sizeof(bytes); len += len < 20 ? 1 : 997) {
        struct buf text = BUF_INIT(20000);
        struct buf back = BUF_INIT(20000);
        assert_true(base64_encode(&text, slice_make(bytes, len)));
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_true(base64_decode(&back, buf_slice(&text)));
        assert_int_equal(back.len, len);
        assert_memory_equal(buf_text(&back), bytes, len);
        buf_release(&text);
        buf_release(&back);
    }
}

static void
what_is_no_base64_is_refused(void **state)
{
    static const char *const broken[] = {"Z",       "Zg",   "Zg=",     "Zg= ",
                                         "====",    "Z===", "Zg=A",    "Zm9v\n",
                                         "Z\xff==", "=Zg=", "Zg==Zg=="};

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct buf bytes = BUF_INIT(64);
        if (base64_decode(&bytes, slice_of(broken[i]))) {
            fail_msg("%s is taken", broken[i]);
        }
        buf_release(&bytes);
    }
}

static void
the_maximum_holds_both_ways(void **state)
{
    struct buf small = BUF_INIT(3);

    (void)state;
    assert_false(base64_encode(&small, SLICE("abc")));
    assert_false(base64_decode(&small, SLICE("YWJjZA==")));
    assert_true(small.overflowed);
    buf_release(&small);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_vectors_of_the_standard_hold),
    cmocka_unit_test(any_bytes_of_any_length_come_back),
    cmocka_unit_test(what_is_no_base64_is_refused),
    cmocka_unit_test(the_maximum_holds_both_ways),
};

CHECK_MAIN(tests)
