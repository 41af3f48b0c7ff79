#include "command/bisect_words.h"

#include "util/escape.h"

// So many tests are named, and the rest counted.
#define NAMED_MAX 40

static uint32_t
runs_of(const struct bisect_score *score)
{
    return score->counts[BISECT_PASSED] + score->counts[BISECT_FAILED] +
           score->counts[BISECT_UNCLEAR];
}

static const char *
plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

/* "failed 3 of 3 times" */
static void
add_rate(struct buf *buf, const struct bisect_score *score,
         enum bisect_answer answer)
{
    uint32_t runs = runs_of(score);
    buf_addf(buf, "%s %u of %u time%s",
             answer == BISECT_FAILED ? "failed" : "passed",
             score->counts[answer], runs, plural(runs));
}

static void
add_id(struct buf *buf, const struct items *items, uint32_t item)
{
    struct buf id = BUF_INIT((size_t)1 << 20);
    items_id(items, item, &id);
    escape_terminal(buf, buf_slice(&id), ESCAPE_ONE_LINE);
    buf_release(&id);
}

void
bisect_words_stage(const struct bisect_words *words,
                   const struct prober_state *state, struct buf *buf)
{
    uint32_t count = state->before;
    switch (state->stage) {
    case PROBER_GIVEN:
        buf_addf(buf, "after the %u test%s before it in process %u of build ",
                 count, plural(count), words->process);
        buf_add_text(buf, words->build != NULL ? words->build : "");
        break;
    case PROBER_COLLECTED:
        buf_addf(buf, "after the %u test%s found before it", count,
                 plural(count));
        break;
    case PROBER_OTHERS:
        buf_addf(buf, "after all %u other test%s", count, plural(count));
        break;
    case PROBER_STAGES:
        break;
    }
}

void
bisect_words_progress(const struct prober_state *state, struct buf *buf)
{
    const struct bisect_finding *finding = &state->finding;
    buf_addf(buf, "%u probe%s: ", state->probes, plural(state->probes));
    if (finding->count == state->before) {
        buf_addf(buf, "alone it failed %u of %u times, after all %u %u of %u",
                 finding->alone.counts[BISECT_FAILED], runs_of(&finding->alone),
                 state->before, finding->whole.counts[BISECT_FAILED],
                 runs_of(&finding->whole));
        return;
    }
    buf_addf(buf, "%u of %u test%s left%s", finding->count, state->before,
             plural(state->before),
             finding->repeated ? ", each set tried several times" : "");
}

bool
bisect_words_is_found(const struct prober_state *state)
{
    return state->finding.verdict == BISECT_POLLUTED ||
           state->finding.verdict == BISECT_SET_UP;
}

// ------------------------------------------------------------------ result

static void
add_culprits(const struct bisect_words *words, const struct prober_state *state,
             struct buf *buf)
{
    const struct bisect_finding *finding = &state->finding;
    for (uint32_t i = 0; i < finding->count; i++) {
        if (i == NAMED_MAX) {
            buf_addf(buf, "    and %u more\n", finding->count - i);
            break;
        }
        buf_add_text(buf, "    ");
        add_id(buf, words->items, state->items[finding->members[i]]);
        buf_add_char(buf, '\n');
    }
}

/* To be copied from a terminal, which gets no orders of a name. */
static void
add_word(struct buf *buf, struct slice word)
{
    struct buf quoted = BUF_INIT((size_t)4 << 20);
    escape_shell(&quoted, word);
    escape_terminal(buf, buf_slice(&quoted), ESCAPE_ONE_LINE);
    buf_release(&quoted);
}

static void
add_command(const struct bisect_words *words, const struct prober_state *state,
            struct buf *buf)
{
    const struct bisect_finding *finding = &state->finding;
    struct buf id = BUF_INIT((size_t)1 << 20);
    if (words->hash_seed != NULL && words->hash_seed[0] != '\0') {
        buf_addf(buf, "PYTHONHASHSEED=%s ", words->hash_seed);
    }
    buf_add_text(buf, words->rerun);
    buf_add_text(buf, " --exactly");
    for (uint32_t i = 0; i < finding->count; i++) {
        buf_reset(&id);
        items_id(words->items, state->items[finding->members[i]], &id);
        buf_add_char(buf, ' ');
        add_word(buf, buf_slice(&id));
    }
    buf_add_char(buf, ' ');
    add_word(buf, slice_of(words->test));
    buf_release(&id);
}

static void
add_found(const struct bisect_words *words, const struct prober_state *state,
          struct buf *buf)
{
    const struct bisect_finding *finding = &state->finding;
    bool polluted = finding->verdict == BISECT_POLLUTED;
    enum bisect_answer with = polluted ? BISECT_FAILED : BISECT_PASSED;
    enum bisect_answer alone = polluted ? BISECT_PASSED : BISECT_FAILED;
    bool many = finding->count > 1;
    buf_addf(buf, "%s when %s before it%s:\n",
             polluted ? "fails" : "passes only",
             many ? "these ran" : "this ran",
             many && finding->minimal ? ", and all of them are needed" : "");
    add_culprits(words, state, buf);
    buf_add_text(buf, many ? "after them it " : "after it, the test ");
    add_rate(buf, &finding->found, with);
    buf_add_text(buf, ", alone it ");
    add_rate(buf, &finding->alone, alone);
    buf_add_char(buf, '\n');
    if (finding->repeated) {
        buf_add_text(buf, "one probe of a set was not enough to tell: each was "
                          "tried several times\n");
    }
    if (!finding->minimal) {
        buf_addf(buf, "given up after %u probes: fewer tests may do\n",
                 state->probes);
    }
    buf_addf(buf, "%-9s ", polluted ? "polluter:" : "setter:");
    if (many) {
        buf_addf(buf, "%u tests together\n", finding->count);
    } else {
        add_id(buf, words->items, state->items[finding->members[0]]);
        buf_add_char(buf, '\n');
    }
    buf_addf(buf, "victim:   %s\n", words->test);
    buf_add_text(buf, "run again: ");
    add_command(words, state, buf);
    buf_add_char(buf, '\n');
}

static void
add_not_found(const struct bisect_words *words,
              const struct prober_state *state, struct buf *buf)
{
    const struct bisect_finding *finding = &state->finding;
    switch (finding->verdict) {
    case BISECT_NEVER:
        buf_add_text(buf, "passes alone and ");
        bisect_words_stage(words, state, buf);
        buf_add_text(buf, runs_of(&finding->whole) >
                                  finding->whole.counts[BISECT_PASSED]
                              ? ", where it may not be reached: a process that"
                                " ran them ended before it\n"
                              : "\n");
        break;
    case BISECT_ALONE:
        buf_add_text(buf, "fails alone and ");
        bisect_words_stage(words, state, buf);
        buf_add_text(buf, ": its order makes no difference\n");
        break;
    case BISECT_FLAKY:
        buf_add_text(buf, "is flaky: alone it ");
        add_rate(buf, &finding->alone, BISECT_FAILED);
        buf_add_char(buf, '\n');
        break;
    case BISECT_UNSURE:
        buf_addf(buf, "could not be pinned down: after %u of the tests it ",
                 finding->count);
        add_rate(buf, &finding->found, BISECT_FAILED);
        buf_add_text(buf, ", alone it ");
        add_rate(buf, &finding->alone, BISECT_FAILED);
        buf_add_char(buf, '\n');
        break;
    case BISECT_SILENT:
        buf_add_text(buf, "neither passes nor fails, not even alone\n");
        break;
    case BISECT_SEARCHING:
        buf_addf(buf, "was looked at in %u probes; %u of %u tests were left\n",
                 state->probes, finding->count, state->before);
        break;
    case BISECT_POLLUTED:
    case BISECT_SET_UP:
    case BISECT_VERDICTS:
        break;
    }
}

void
bisect_words_result(const struct bisect_words *words,
                    const struct prober_state *state, struct buf *buf)
{
    escape_terminal(buf, slice_of(words->test), ESCAPE_ONE_LINE);
    buf_add_char(buf, ' ');
    if (bisect_words_is_found(state)) {
        add_found(words, state, buf);
    } else {
        add_not_found(words, state, buf);
    }
    if (state->why[0] != '\0') {
        buf_add_text(buf, "it says:   ");
        escape_terminal(buf, slice_of(state->why), ESCAPE_ONE_LINE);
        buf_add_char(buf, '\n');
    }
}
