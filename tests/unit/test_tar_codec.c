#include "check.h"

#include <string.h>

#include "fleet/tar_codec.h"

// The first entry of an archive; *at is moved behind what was read.
static enum tar_step
read_next(struct tar_reader *reader, struct slice archive, size_t *at,
          struct tar_entry *entry, struct err *err)
{
    for (;;) {
        assert_true(*at + TAR_BLOCK <= archive.len);
        enum tar_step step = tar_read(reader, archive.data + *at, entry, err);
        *at += TAR_BLOCK;
        if (step != TAR_RECORDS) {
            return step;
        }
        struct slice records =
            slice_make(archive.data + *at, (size_t)entry->size);
        *at += records.len + tar_padding(records.len);
        if (!tar_read_records(reader, records, err)) {
            return TAR_BROKEN;
        }
    }
}

static void
check_round(const struct tar_entry *written)
{
    struct buf buf = BUF_INIT((size_t)1 << 20);
    struct tar_reader reader = {0};
    struct tar_entry entry;
    struct err err = {0};
    size_t at = 0;

    assert_true(tar_write(&buf, written));
    assert_true(tar_write_end(&buf));
    assert_int_equal(buf.len % TAR_BLOCK, 0);
    assert_int_equal(read_next(&reader, buf_slice(&buf), &at, &entry, &err),
                     TAR_ENTRY);
    assert_int_equal(entry.kind, written->kind);
    assert_int_equal(entry.mode, written->mode);
    assert_int_equal(entry.size, written->size);
    assert_true(slice_equals(entry.name, written->name));
    assert_true(slice_equals(entry.target, written->target));
    assert_int_equal(read_next(&reader, buf_slice(&buf), &at, &entry, &err),
                     TAR_END);
    tar_reader_release(&reader);
    buf_release(&buf);
}

static void
what_is_written_is_read_again(void **state)
{
    (void)state;
    char name[3000];
    char target[2000];

    memset(name, 'n', sizeof(name));
    memset(target, 't', sizeof(target));
    check_round(&(struct tar_entry){
        .kind = TAR_FILE, .mode = 0644, .size = 7, .name = SLICE("a/b")});
    check_round(&(struct tar_entry){
        .kind = TAR_FOLDER, .mode = 0755, .name = SLICE("folder")});
    check_round(&(struct tar_entry){.kind = TAR_LINK,
                                    .mode = 0777,
                                    .name = SLICE("link"),
                                    .target = SLICE("../b")});
    for (size_t len = 95; len < 110; len++) {
        check_round(&(struct tar_entry){.kind = TAR_LINK,
                                        .mode = 0777,
                                        .name = slice_make(name, len),
                                        .target = slice_make(target, len)});
    }
    check_round(
        &(struct tar_entry){.kind = TAR_LINK,
                            .mode = 0777,
                            .name = slice_make(name, sizeof(name)),
                            .target = slice_make(target, sizeof(target))});
    check_round(&(struct tar_entry){.kind = TAR_FILE,
                                    .mode = 0644,
                                    .size = UINT64_C(1) << 36,
                                    .name = SLICE("huge")});
}

static void
a_long_name_is_for_one_entry_only(void **state)
{
    (void)state;
    char name[300];
    struct buf buf = BUF_INIT((size_t)1 << 20);
    struct tar_reader reader = {0};
    struct tar_entry entry;
    struct err err = {0};
    size_t at = 0;

    memset(name, 'n', sizeof(name));
    tar_write(&buf, &(struct tar_entry){.kind = TAR_FILE,
                                        .name = slice_make(name, 300)});
    tar_write(&buf,
              &(struct tar_entry){.kind = TAR_FILE, .name = SLICE("short")});
    assert_int_equal(read_next(&reader, buf_slice(&buf), &at, &entry, &err),
                     TAR_ENTRY);
    assert_int_equal(entry.name.len, 300);
    assert_int_equal(read_next(&reader, buf_slice(&buf), &at, &entry, &err),
                     TAR_ENTRY);
    assert_true(slice_equals_text(entry.name, "short"));
    tar_reader_release(&reader);
    buf_release(&buf);
}

static void
equal_entries_give_equal_bytes(void **state)
{
    (void)state;
    struct buf one = BUF_INIT(4096);
    struct buf two = BUF_INIT(4096);
    struct tar_entry entry = {
        .kind = TAR_FILE, .mode = 0644, .size = 3, .name = SLICE("a")};

    tar_write(&one, &entry);
    tar_write(&two, &entry);
    assert_true(slice_equals(buf_slice(&one), buf_slice(&two)));
    buf_release(&one);
    buf_release(&two);
}

static void
a_header_that_is_damaged_is_an_error(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(4096);

    tar_write(&buf, &(struct tar_entry){.kind = TAR_FILE, .name = SLICE("a")});
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        struct tar_reader reader = {0};
        struct tar_entry entry;
        struct err err = {0};
        char block[TAR_BLOCK];
        memcpy(block, buf.data, sizeof(block));
        block[i] ^= 1;
        enum tar_step step = tar_read(&reader, block, &entry, &err);
        // A checksum may end in a blank or in NUL.
        if (i < 148 || i > 155) {
            assert_int_equal(step, TAR_BROKEN);
            assert_int_equal(err.kind, ERR_PROTOCOL);
        }
        tar_reader_release(&reader);
    }
    buf_release(&buf);
}

static void
expect_records(const char *text, bool fine)
{
    struct tar_reader reader = {0};
    struct err err = {0};

    assert_int_equal(tar_read_records(&reader, slice_of(text), &err), fine);
    assert_int_equal(err_is_set(&err), !fine);
    tar_reader_release(&reader);
}

static void
records_say_their_own_length(void **state)
{
    (void)state;
    expect_records("10 path=a\n", true);
    expect_records("10 path=a\n12 x=sparse\n", true);
    expect_records("", true);
    expect_records("11 path=a\n", false);
    expect_records("9 path=a\n", true);
    expect_records("8 path=a\n", false);
    expect_records("2 ", false);
    expect_records("0 path=a\n", false);
    expect_records("-1 path=a\n", false);
    expect_records("99999999999999999999 path=a\n", false);
    expect_records("8 nothing\n", false);
    expect_records("10 nothin\n", false);
    expect_records("11 size=no\n", false);
    expect_records("22 GNU.sparse.major=1\n", false);
    expect_records("path", false);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_written_is_read_again),
    cmocka_unit_test(a_long_name_is_for_one_entry_only),
    cmocka_unit_test(equal_entries_give_equal_bytes),
    cmocka_unit_test(a_header_that_is_damaged_is_an_error),
    cmocka_unit_test(records_say_their_own_length),
};
CHECK_MAIN(tests)
