#include "config/options.h"

#include <string.h>

#include "util/slice.h"

enum {
    COLUMNS = 79,
    TEXT_COLUMN = 27
};

static const char *const titles[GROUP_COUNT] = {
    [GROUP_SELECT] = "What to run",
    [GROUP_RUN] = "How to run it",
    [GROUP_PYTHON] = "Python",
    [GROUP_DATABASES] = "Databases",
    [GROUP_LIMITS] = "Limits",
    [GROUP_FLEET] = "A fleet",
    [GROUP_ORDER] = "In which order",
    [GROUP_AGAIN] = "More than once",
    [GROUP_HISTORY] = "What past runs teach",
    [GROUP_OUTPUT] = "What you see",
    [GROUP_GENERAL] = "General",
};

// "  -j, --jobs N"
static void
add_names(const struct option *option, struct buf *line)
{
    bool has_name = option->name[1] != '\0';

    if (option->letter != '\0') {
        buf_addf(line, "  -%c%s", option->letter, has_name ? ", " : "");
    } else {
        buf_add_text(line, "      ");
    }
    if (has_name) {
        buf_addf(line, "--%s", option->name);
    }
    if (option->argument != NULL) {
        bool optional = (option->flags & OPTION_OPTIONAL) != 0;
        buf_addf(line, optional ? "[=%s]" : " %s", option->argument);
    }
}

// Adds the words of the text from TEXT_COLUMN on, in as many lines as needed.
static void
add_wrapped(const char *text, size_t column, struct buf *buf)
{
    struct slice rest = slice_of(text);
    struct slice word;
    bool is_first = true;

    if (column + 2 > TEXT_COLUMN) {
        buf_add_char(buf, '\n');
        column = 0;
    }
    while (slice_word(&rest, &word)) {
        if (!is_first && column + 1 + word.len > COLUMNS) {
            buf_add_char(buf, '\n');
            column = 0;
        } else if (!is_first) {
            buf_add_char(buf, ' ');
            column++;
        }
        if (column < TEXT_COLUMN) {
            buf_add_repeat(buf, ' ', TEXT_COLUMN - column);
            column = TEXT_COLUMN;
        }
        buf_add_slice(buf, word);
        column += word.len;
        is_first = false;
    }
    buf_add_char(buf, '\n');
}

static void
add_group(enum option_command command, int group, struct buf *buf)
{
    size_t count = 0;
    const struct option *all = options_all(&count);
    bool is_first = true;

    for (size_t i = 0; i < count; i++) {
        if ((int)all[i].group != group || (all[i].commands & command) == 0 ||
            (all[i].flags & OPTION_HIDDEN) != 0) {
            continue;
        }
        if (is_first) {
            buf_addf(buf, "\n%s:\n", titles[group]);
            is_first = false;
        }
        size_t start = buf->len;
        add_names(&all[i], buf);
        add_wrapped(all[i].help, buf->len - start, buf);
    }
}

// clang-format off
static const char test_usage[] =
    "Usage: mule test [OPTION...] [LABEL...]\n"
    "\n"
    "Runs tests, on every CPU. A LABEL is a file, a folder, a dotted name down\n"
    "to a method, or a pattern over dotted names, as in 'shop.*.api'. Without\n"
    "one, tests are found as 'python -m unittest discover' finds them.\n";
static const char list_usage[] =
    "Usage: mule list [OPTION...] [LABEL...]\n"
    "\n"
    "Prints what 'mule test' would run.\n";
static const char doctor_usage[] =
    "Usage: mule doctor [OPTION...]\n"
    "\n"
    "Looks at what mule needs here, and says what is wrong.\n";
static const char check_usage[] =
    "Usage: mule adapter-check [OPTION...] COMMAND [ARGUMENT...]\n"
    "\n"
    "Plays every role of the adapter protocol against an adapter.\n";
static const char worker_usage[] =
    "Usage: mule worker [OPTION...]\n"
    "\n"
    "Serves builds of 'mule test --distributed' that come through a broker.\n";
static const char status_usage[] =
    "Usage: mule status [OPTION...]\n"
    "\n"
    "Prints which builds and workers a broker has, and what runs where.\n";

static const char history_usage[] =
    "Usage: mule history [OPTION...] [TEST]\n"
    "       mule history prune [OPTION...]\n"
    "       mule history export FILE\n"
    "       mule history import FILE...\n"
    "\n"
    "Prints the builds that are remembered, or one test over time.\n";

static const char replay_usage[] =
    "Usage: mule replay [OPTION...] [BUILD]\n"
    "\n"
    "Shows a build again, the last one unless another is named: by its id, or\n"
    "by the file of its recording.\n";

static const char report_usage[] =
    "Usage: mule report [OPTION...] [BUILD]\n"
    "       mule report --merge [OPTION...] FILE...\n"
    "\n"
    "Writes reports of a build, the last one unless another is named: by its\n"
    "id, or by the file of its recording.\n";

static const char bisect_usage[] =
    "Usage: mule bisect [OPTION...] TEST\n"
    "\n"
    "Finds the tests before TEST, in the same process, that make it fail or\n"
    "pass.\n";

static const char simulate_usage[] =
    "Usage: mule simulate [OPTION...] [BUILD]\n"
    "\n"
    "Drives the scheduler in virtual time, with the jobs of a build or of a\n"
    "distribution.\n";
// clang-format on

void
options_help(enum option_command command, struct buf *buf)
{
    switch (command) {
    case COMMAND_TEST:
        buf_add_text(buf, test_usage);
        break;
    case COMMAND_LIST:
        buf_add_text(buf, list_usage);
        break;
    case COMMAND_DOCTOR:
        buf_add_text(buf, doctor_usage);
        break;
    case COMMAND_ADAPTER_CHECK:
        buf_add_text(buf, check_usage);
        break;
    case COMMAND_WORKER:
        buf_add_text(buf, worker_usage);
        break;
    case COMMAND_STATUS:
        buf_add_text(buf, status_usage);
        break;
    case COMMAND_HISTORY:
        buf_add_text(buf, history_usage);
        break;
    case COMMAND_REPLAY:
        buf_add_text(buf, replay_usage);
        break;
    case COMMAND_REPORT:
        buf_add_text(buf, report_usage);
        break;
    case COMMAND_BISECT:
        buf_add_text(buf, bisect_usage);
        break;
    case COMMAND_SIMULATE:
        buf_add_text(buf, simulate_usage);
        break;
    }
    for (int group = 0; group < GROUP_COUNT; group++) {
        add_group(command, group, buf);
    }
}
