#include "command/retell.h"

#include "command/recorded.h"
#include "command/reporters.h"
#include "report/fanout.h"
#include "report/merging.h"

#include <stdlib.h>

static bool
tell(const struct settings *settings, const char *path,
     struct event_sink *fanout, struct retold *retold, struct err *err)
{
    const struct texts *labels = &settings->labels;
    bool told = settings->merge ? merging_tell(labels->at, labels->count,
                                               fanout, retold, err)
                                : retelling_tell(path, fanout, retold, err);

    if (told && fanout_failed(fanout) > 0) {
        *err = *fanout_failure(fanout); // a report that was asked for
        return false;
    }
    return told;
}

static bool
check_words(const struct settings *settings, struct err *err)
{
    if (settings->merge && settings->labels.count == 0) {
        err_set(err, ERR_USAGE, "--merge needs recordings of shards");
        return err_hint(err, "as in: mule report --merge shard-*.mule");
    }
    if (!settings->merge && settings->labels.count > 1) {
        err_set(err, ERR_USAGE, "there is more than one build");
        return err_hint(err, "`mule report --merge` makes one of the shards "
                             "of a build");
    }
    return true;
}

bool
retell(const struct settings *settings, struct retold *retold, struct err *err)
{
    struct terminal_params params;
    char *path = NULL;

    if (!check_words(settings, err)) {
        return false;
    }
    if (!settings->merge) {
        path = recorded_find(
            settings,
            settings->labels.count > 0 ? settings->labels.at[0] : NULL, err);
        if (path == NULL) {
            return false;
        }
    }
    struct event_sink *fanout = fanout_new();
    bool good = reporters_add(fanout, settings, REPORTERS_OF_RECORDING, err);
    if (good) {
        reporters_describe_terminal(settings, &params);
        params.live = false; // nothing of it happens now
        fanout_add(fanout, terminal_new(&params));
        good = tell(settings, path, fanout, retold, err);
    }
    fanout->ops->free(fanout);
    free(path);
    return good;
}
