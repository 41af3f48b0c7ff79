#include <inttypes.h>

#include "report/recording_reader.h"
#include "util/buf.h"

bool
recording_gaps_none(const struct recording_gaps *gaps)
{
    return gaps->end == RECORDING_COMPLETE && gaps->events == 0 &&
           gaps->outputs == 0 && gaps->selected == 0 && gaps->strange == 0 &&
           gaps->damaged == 0;
}

static void
say(struct buf *buf, uint64_t count, const char *what)
{
    if (count > 0) {
        buf_addf(buf, "%s%" PRIu64 " %s%s", buf->len > 0 ? "; " : "", count,
                 what, count == 1 ? "" : "s");
    }
}

void
recording_gaps_say(const struct recording_gaps *gaps, struct buf *buf)
{
    struct buf text = BUF_INIT(4096);

    if (gaps->end == RECORDING_CUT) {
        buf_add_text(&text, "its end is missing");
    } else if (gaps->end == RECORDING_GROWING) {
        buf_add_text(&text, "its build is still under way");
    }
    say(&text, gaps->damaged, "damaged place");
    say(&text, gaps->events, "missing event");
    say(&text, gaps->outputs, "missing output");
    say(&text, gaps->selected, "missing line of the list of test");
    say(&text, gaps->strange, "line that cannot be understood");
    if (gaps->damaged > 0 || gaps->strange > 0) {
        buf_addf(&text, " (%s)", gaps->first.text);
    }
    buf_add_slice(buf, buf_slice(&text));
    buf_release(&text);
}
