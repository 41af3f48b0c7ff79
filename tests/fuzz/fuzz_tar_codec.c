// Any bytes are an archive or are refused; whatever may be unpacked stays in
// its tree, and what is read can be written and read again.
#include <string.h>

#include "fleet/manifest.h"
#include "fleet/tar_codec.h"
#include "fuzz.h"

static void
check_name(struct slice name)
{
    struct slice part;

    FUZZ_CHECK(name.len > 0 && name.data[0] != '/');
    while (slice_split(&name, '/', &part)) {
        FUZZ_CHECK(!slice_equals_text(part, ".."));
        FUZZ_CHECK(!slice_equals_text(part, ".git"));
    }
}

// Follows a target by names alone: it must not rise above the top.
static void
check_target(const struct tar_entry *entry)
{
    struct slice target = entry->target;
    struct slice part;
    long depth = 0;

    for (size_t i = 0; i < entry->name.len; i++) {
        depth += entry->name.data[i] == '/';
    }
    FUZZ_CHECK(target.len > 0 && target.data[0] != '/');
    while (slice_split(&target, '/', &part)) {
        depth += slice_equals_text(part, "..")
                     ? -1
                     : part.len > 0 && !slice_equals_text(part, ".");
        FUZZ_CHECK(depth >= 0);
    }
}

static void
check_again(const struct tar_entry *entry)
{
    struct buf buf = BUF_INIT((size_t)256 << 10);
    struct tar_reader reader = {0};
    struct tar_entry again;
    struct err err = {0};
    size_t at = 0;

    FUZZ_CHECK(tar_write(&buf, entry));
    enum tar_step step = tar_read(&reader, buf.data, &again, &err);
    if (step == TAR_RECORDS) {
        size_t len = (size_t)again.size;
        FUZZ_CHECK(tar_read_records(
            &reader, slice_make(buf.data + TAR_BLOCK, len), &err));
        at = TAR_BLOCK + len + tar_padding(len);
        step = tar_read(&reader, buf.data + at, &again, &err);
    }
    FUZZ_CHECK(step == TAR_ENTRY && at + TAR_BLOCK == buf.len);
    FUZZ_CHECK(slice_equals(again.name, entry->name));
    FUZZ_CHECK(slice_equals(again.target, entry->target));
    FUZZ_CHECK(again.kind == entry->kind && again.size == entry->size);
    tar_reader_release(&reader);
    buf_release(&buf);
}

static void
check_entry(struct manifest *manifest, struct tar_entry *entry)
{
    struct err err = {0};
    bool taken = manifest_add(manifest, entry, &err);

    FUZZ_CHECK(taken != err_is_set(&err));
    if (!taken) {
        return;
    }
    FUZZ_CHECK(entry->kind != TAR_OTHER && (entry->mode & 07000) == 0);
    if (entry->kind == TAR_FOLDER) {
        while (slice_ends_with(entry->name, SLICE("/"))) {
            entry->name.len--;
        }
    }
    check_name(entry->name);
    if (entry->kind == TAR_LINK) {
        check_target(entry);
    } else {
        entry->target.len = 0;
    }
    check_again(entry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice archive = slice_make((const char *)data, size);
    struct manifest manifest = {0};
    struct tar_reader reader = {0};

    while (archive.len >= TAR_BLOCK) {
        char block[TAR_BLOCK];
        struct tar_entry entry;
        struct err err = {0};
        memcpy(block, archive.data, TAR_BLOCK);
        archive = slice_skip(archive, TAR_BLOCK);
        enum tar_step step = tar_read(&reader, block, &entry, &err);
        FUZZ_CHECK((step == TAR_BROKEN) == err_is_set(&err));
        if (step == TAR_END || step == TAR_BROKEN || entry.size > archive.len) {
            break;
        }
        size_t len = (size_t)entry.size;
        if (step == TAR_RECORDS) {
            bool fine =
                tar_read_records(&reader, slice_first(archive, len), &err);
            FUZZ_CHECK(fine != err_is_set(&err));
            if (!fine) {
                break;
            }
        } else {
            check_entry(&manifest, &entry);
        }
        archive = slice_skip(archive, len + tar_padding(len));
    }
    tar_reader_release(&reader);
    manifest_release(&manifest);
    return 0;
}
