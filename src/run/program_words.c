#include "run/program_words.h"

#include "util/alloc.h"
#include "util/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a shell leaves the word as it is. */
static bool
is_plain(struct slice word)
{
    static const char ordinary[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        "_-./,:@%+";
    for (size_t i = 0; i < word.len; i++) {
        if (memchr(ordinary, word.data[i], sizeof(ordinary) - 1) == NULL) {
            return false;
        }
    }
    return word.len > 0;
}

/* Whether an unquoted $TEST is one word to a shell, and the same one. */
static bool
is_one_word(const char *test)
{
    return test[0] != '\0' && strpbrk(test, " \t\n*?[\\") == NULL;
}

/* "=" makes a word in front an assignment; builtins are not programs. */
static bool
starts_a_program(struct slice word)
{
    static const char *const builtins[] = {
        "cd",    "exec",  "eval",   "source", ".",      ":",       "set",
        "test",  "echo",  "printf", "export", "if",     "for",     "while",
        "case",  "until", "time",   "trap",   "ulimit", "kill",    "type",
        "wait",  "exit",  "return", "umask",  "unset",  "pwd",     "command",
        "alias", "read",  "select", "let",    "shift",  "builtin",
    };
    for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
        if (slice_equals_text(word, builtins[i])) {
            return false;
        }
    }
    return true;
}

static bool
split_directly(struct program_words *words, const char *test)
{
    struct slice rest = slice_of(words->memory);
    struct slice word;
    int count = 0;
    while (slice_word(&rest, &word)) {
        bool is_test = slice_equals_text(word, "$TEST");
        if (count == PROGRAM_WORDS_MAX || (!is_test && !is_plain(word)) ||
            (count == 0 && (is_test || !starts_a_program(word)))) {
            return false;
        }
        words->argv[count++] = is_test ? test : word.data;
    }
    words->argv[count] = NULL;
    return count > 0;
}

/* Ends each word that lies in the first `len` bytes of the memory. */
static void
terminate_words(struct program_words *words, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\n\r\v\f", words->memory[i]) != NULL) {
            words->memory[i] = '\0';
        }
    }
}

void
program_words_init(struct program_words *words, const char *runner,
                   const char *test)
{
    *words = (struct program_words){.memory = alloc_dup(runner)};
    size_t len = strlen(runner);
    if (is_one_word(test) && split_directly(words, test)) {
        terminate_words(words, len);
        return;
    }
    words->shell = true;
    words->argv[0] = "bash";
    words->argv[1] = "-c";
    words->argv[2] = runner;
    words->argv[3] = NULL;
}

/* The words of "#!/usr/bin/env perl -w" in front of the path. */
static bool
use_interpreter(struct program_words *words, char *first, const char *path)
{
    struct slice rest = slice_of(first);
    struct slice word;
    int count = 0;
    if (!slice_take(&rest, SLICE("#!"))) {
        return false;
    }
    rest = slice_first(rest, slice_find(rest, '\n'));
    while (count < PROGRAM_WORDS_MAX - 1 && slice_word(&rest, &word)) {
        words->argv[count++] = word.data;
        first[word.data + word.len - first] = '\0';
        if (rest.len > 0 && rest.data == word.data + word.len) {
            rest = slice_skip(rest, 1);
        }
    }
    words->argv[count] = path;
    words->argv[count + 1] = NULL;
    return count > 0;
}

static bool
read_first_line(const char *path, char *first, size_t size, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(err, ERR_USAGE, errno, "open %s", path);
    }
    ssize_t got = read(fd, first, size - 1);
    int number = errno;
    close(fd);
    if (got < 0) {
        return err_set_errno(err, ERR_USAGE, number, "read %s", path);
    }
    first[got] = '\0';
    return true;
}

bool
program_words_of_file(struct program_words *words, const char *path,
                      struct err *err)
{
    *words = (struct program_words){0};
    if (access(path, X_OK) == 0) {
        // Without a slash it would be looked for in PATH.
        bool slash = strchr(path, '/') != NULL;
        words->memory = alloc_printf("%s%s", slash ? "" : "./", path);
        words->argv[0] = words->memory;
        return true;
    }
    words->memory = alloc_zero(1, 256);
    if (!read_first_line(path, words->memory, 256, err)) {
        return false;
    }
    if (!use_interpreter(words, words->memory, path)) {
        size_t len = strlen(path);
        if (len < 2 || strcmp(path + len - 2, ".t") != 0) {
            err_set(err, ERR_USAGE,
                    "%s is not executable and does not name"
                    " an interpreter",
                    path);
            return err_hint(err, "chmod +x it, or begin it with #!");
        }
        words->argv[0] = "perl";
        words->argv[1] = path;
    }
    return true;
}

void
program_words_release(struct program_words *words)
{
    free(words->memory);
    *words = (struct program_words){0};
}
