#include "command/identity.h"

#include "config.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/escape.h"
#include "util/now.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static void
draw(void *bytes, size_t size)
{
    if (getrandom(bytes, size, 0) != (ssize_t)size) {
        uint64_t now = (uint64_t)now_wall_usec();
        memcpy(bytes, &now, size < sizeof(now) ? size : sizeof(now));
    }
}

void
identity_draw_seed(struct settings *settings)
{
    if (settings->order == ORDER_RANDOM && settings->seed == NULL) {
        uint32_t seed = 0; // short enough to be typed
        draw(&seed, sizeof(seed));
        settings->seed = alloc_printf("%" PRIu32, seed);
    }
}

static void
draw_build_id(struct identity *identity, const char *given)
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    if (given != NULL) {
        snprintf(identity->build_id, sizeof(identity->build_id), "%s", given);
        return;
    }
    unsigned char random[8];
    draw(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        identity->build_id[i] = letters[random[i] % 32];
    }
    identity->build_id[sizeof(random)] = '\0';
}

static void
add_word(struct buf *buf, const char *word)
{
    buf_add_char(buf, ' ');
    escape_shell(buf, slice_of(word));
}

static void
add_option(struct buf *buf, const char *option, const char *value)
{
    if (value != NULL) {
        add_word(buf, option);
        add_word(buf, value);
    }
}

/* Words as a shell would have them, in one; NULL: none. */
static char *
join_words(const struct texts *words)
{
    struct buf line = BUF_INIT((size_t)64 * 1024);
    if (words->count == 0) {
        return NULL;
    }
    for (int i = 0; i < words->count; i++) {
        buf_add_text(&line, i > 0 ? " " : "");
        escape_shell(&line, slice_of(words->at[i]));
    }
    return buf_take(&line);
}

/* NULL: it is found out, or follows from something else. */
static const char *
name_format(const struct settings *settings)
{
    static const char *const names[] = {
        [FORMAT_AUTO] = NULL,     [FORMAT_EXIT] = "exit", [FORMAT_TAP] = "tap",
        [FORMAT_JUNIT] = "junit", [FORMAT_JSON] = "json",
    };
    return settings->tap ? NULL : names[settings->format];
}

/* The command that runs one more item, without the item. */
static void
make_rerun(struct identity *identity, const struct settings *settings)
{
    struct buf buf = BUF_INIT((size_t)64 * 1024);
    if (settings->rerun != NULL) {
        identity->rerun = alloc_dup(settings->rerun);
        return;
    }
    char *python_args = join_words(&settings->python_args);
    buf_add_text(&buf, "mule test");
    if (strcmp(settings->basedir, ".") != 0) {
        add_option(&buf, "--basedir", settings->basedir);
    }
    if (strcmp(settings->pattern, "test*.py") != 0) {
        add_option(&buf, "--pattern", settings->pattern);
    }
    add_option(&buf, "--top", settings->top);
    add_option(&buf, "--python", settings->python);
    add_option(&buf, "--python-args", python_args);
    add_option(&buf, "--runner", settings->runner);
    add_option(&buf, "--format", name_format(settings));
    add_option(&buf, "--adapter", identity->adapter);
    add_option(&buf, "--workspace", settings->workspace);
    if (settings->tap) {
        add_word(&buf, "--tap");
    }
    identity->rerun = buf_take(&buf);
    free(python_args);
}

static const char *
name_isolation(const struct settings *settings)
{
    if (settings->tap || settings->runner != NULL) {
        return "command";
    }
    switch (settings->isolation) {
    case ISOLATION_CLASS:
        return "class";
    case ISOLATION_WORKER:
        return "worker";
    case ISOLATION_TEST:
        return "test";
    }
    return "";
}

bool
identity_init(struct identity *identity, const struct settings *settings,
              struct err *err)
{
    *identity = (struct identity){0};
    draw_build_id(identity, settings->build_id);
    identity->adapter = join_words(&settings->adapter);
    make_rerun(identity, settings);
    gethostname(identity->hostname, sizeof(identity->hostname) - 1);
    identity->cwd = getcwd(NULL, 0);
    if (identity->cwd == NULL) {
        return err_set_errno(err, ERR_SYSTEM, errno, "find the current folder");
    }
    return true;
}

void
identity_release(struct identity *identity)
{
    free(identity->cwd);
    free(identity->rerun);
    free(identity->adapter);
    *identity = (struct identity){0};
}

void
identity_describe(const struct identity *identity,
                  const struct settings *settings, const char *command,
                  struct event_run *about)
{
    *about = (struct event_run){
        .merged = settings->capture == CAPTURE_MERGED,
        .build_id = identity->build_id,
        .version = MULE_VERSION,
        .hostname = identity->hostname,
        .cwd = identity->cwd,
        .command = command != NULL ? command : identity->rerun,
        .isolation = name_isolation(settings),
        .hash_seed = "",
    };
}
