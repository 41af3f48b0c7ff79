/*
 * Runs a fuzz target over stored inputs: the folders and files it is given.
 * Speaks TAP, a point for each input. An input that makes the target abort
 * ends the program, and the missing points tell.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/path.h"

#define LARGEST_INPUT (16 << 20)

static bool
read_input(const char *path, struct buf *input)
{
    FILE *file = fopen(path, "rbe");
    size_t room = 0;
    size_t got = 0;

    if (file == NULL) {
        return false;
    }
    do {
        char *place = buf_room(input, 65536, &room);
        got = fread(place, 1, room, file);
        buf_grew(input, got);
    } while (got > 0);
    bool whole = ferror(file) == 0 && feof(file) != 0;
    return fclose(file) == 0 && whole;
}

static bool
replay_file(const char *path, unsigned int number)
{
    struct buf input = BUF_INIT(LARGEST_INPUT);
    bool good = read_input(path, &input);

    // Named first: the target may never come back.
    printf("# %s\n", path);
    (void)fflush(stdout);
    if (good) {
        // In memory of exactly its size, so that a step beyond it is seen.
        uint8_t *data = alloc_bytes(input.len);
        if (input.len > 0) {
            memcpy(data, input.data, input.len);
        }
        good = LLVMFuzzerTestOneInput(data, input.len) == 0;
        free(data);
    }
    printf("%sok %u - %s\n", good ? "" : "not ", number, path_base(path));
    buf_release(&input);
    return good;
}

static int
is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool
replay(const char *path, unsigned int *count)
{
    struct dirent **entries = NULL;
    bool good = true;

    if (!path_is_folder(path)) {
        return replay_file(path, ++*count);
    }
    int found = scandir(path, &entries, is_input, alphasort);
    for (int i = 0; i < found; i++) {
        char *file = path_join(path, entries[i]->d_name);
        good = replay_file(file, ++*count) && good;
        free(file);
        free(entries[i]);
    }
    free(entries);
    return good && found > 0;
}

int
main(int argc, char **argv)
{
    unsigned int count = 0;
    bool good = argc > 1;

    for (int i = 1; i < argc; i++) {
        good = replay(argv[i], &count) && good;
    }
    printf("1..%u\n", count);
    return good && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
