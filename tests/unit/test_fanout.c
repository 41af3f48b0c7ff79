#include "check.h"

#include "play.h"
#include "report/fanout.h"
#include "util/alloc.h"

// Notes what it is told in a shared diary, and fails at one kind of event.
struct listener {
    struct event_sink sink; // first
    char letter;
    enum event_kind fails_at;
    struct buf *diary;
};

static bool
listener_on_event(struct event_sink *sink, const struct event *event,
                  struct err *err)
{
    struct listener *listener = (struct listener *)(void *)sink;

    buf_addf(listener->diary, "%c:%s", listener->letter,
             event_kind_name(event->kind));
    if (event->kind == EVENT_NOTE) {
        buf_addf(listener->diary, "(%s|%s)", event->note.text,
                 event->note.hint != NULL ? event->note.hint : "");
    }
    buf_add_char(listener->diary, ' ');
    if (event->kind == listener->fails_at) {
        err_set(err, ERR_SYSTEM, "no space left");
        return err_hint(err, "make room");
    }
    return true;
}

static void
listener_free(struct event_sink *sink)
{
    struct listener *listener = (struct listener *)(void *)sink;

    buf_addf(listener->diary, "%c:free ", listener->letter);
    free(sink);
}

static const struct event_sink_ops listener_ops = {
    .name = "a listener",
    .on_event = listener_on_event,
    .free = listener_free,
};

static struct event_sink *
listener_new(char letter, enum event_kind fails_at, struct buf *diary)
{
    struct listener *listener = ALLOC(struct listener);

    listener->sink.ops = &listener_ops;
    listener->letter = letter;
    listener->fails_at = fails_at;
    listener->diary = diary;
    return &listener->sink;
}

static void
all_are_told_in_the_order_they_were_added(void **state)
{
    struct buf diary = BUF_INIT(4096);
    struct play play = {.sink = fanout_new()};

    (void)state;
    fanout_add(play.sink, listener_new('a', EVENT_KIND_COUNT, &diary));
    fanout_add(play.sink, NULL);
    fanout_add(play.sink, listener_new('b', EVENT_KIND_COUNT, &diary));
    play_start(&play, 1);
    play_end(&play, STOP_NONE, 0);
    play.sink->ops->free(play.sink);
    assert_string_equal(buf_text(&diary),
                        "a:run_started b:run_started a:run_finished "
                        "b:run_finished a:free b:free ");
    buf_release(&diary);
}

static void
one_that_fails_is_freed_and_named_and_the_run_goes_on(void **state)
{
    struct buf diary = BUF_INIT(4096);
    struct play play = {.sink = fanout_new()};
    struct event_sink *bad = listener_new('b', EVENT_RUN_STARTED, &diary);

    (void)state;
    fanout_add(play.sink, listener_new('a', EVENT_KIND_COUNT, &diary));
    fanout_add(play.sink, bad);
    fanout_add(play.sink, listener_new('c', EVENT_KIND_COUNT, &diary));
    assert_true(fanout_has(play.sink, bad));
    play_start(&play, 1);
    assert_false(play.failed);
    assert_false(fanout_has(play.sink, bad));
    assert_int_equal(fanout_failed(play.sink), 1);
    play_end(&play, STOP_NONE, 0);
    play.sink->ops->free(play.sink);
    assert_string_equal(
        buf_text(&diary),
        "a:run_started b:run_started b:free "
        "a:note(a listener: no space left|make room) "
        "c:note(a listener: no space left|make room) "
        "c:run_started a:run_finished c:run_finished a:free c:free ");
    buf_release(&diary);
}

static void
the_last_sink_hears_of_a_failure_before_the_end(void **state)
{
    struct buf diary = BUF_INIT(4096);
    struct play play = {.sink = fanout_new()};

    (void)state;
    fanout_add(play.sink, listener_new('a', EVENT_RUN_FINISHED, &diary));
    fanout_add(play.sink, listener_new('z', EVENT_KIND_COUNT, &diary));
    play_end(&play, STOP_NONE, 0);
    play.sink->ops->free(play.sink);
    assert_string_equal(buf_text(&diary),
                        "a:run_finished a:free "
                        "z:note(a listener: no space left|make room) "
                        "z:run_finished z:free ");
    buf_release(&diary);
}

static void
one_that_fails_at_the_news_of_a_failure_is_freed_too(void **state)
{
    struct buf diary = BUF_INIT(4096);
    struct play play = {.sink = fanout_new()};

    (void)state;
    fanout_add(play.sink, listener_new('a', EVENT_NOTE, &diary));
    fanout_add(play.sink, listener_new('b', EVENT_RUN_STARTED, &diary));
    fanout_add(play.sink, listener_new('c', EVENT_NOTE, &diary));
    play_start(&play, 1);
    play_end(&play, STOP_NONE, 0);
    assert_int_equal(fanout_failed(play.sink), 3);
    play.sink->ops->free(play.sink);
    assert_string_equal(buf_text(&diary),
                        "a:run_started b:run_started b:free "
                        "a:note(a listener: no space left|make room) a:free "
                        "c:note(a listener: no space left|make room) c:free ");
    buf_release(&diary);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_are_told_in_the_order_they_were_added),
    cmocka_unit_test(one_that_fails_is_freed_and_named_and_the_run_goes_on),
    cmocka_unit_test(the_last_sink_hears_of_a_failure_before_the_end),
    cmocka_unit_test(one_that_fails_at_the_news_of_a_failure_is_freed_too),
};

CHECK_MAIN(tests)
