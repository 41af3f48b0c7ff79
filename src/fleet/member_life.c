#include "fleet/member_life.h"

#include <assert.h>

#define STAY(state)                 \
    {                               \
        MEMBER_##state, ACT_NOTHING \
    }
#define GO(state, act)            \
    {                             \
        MEMBER_##state, ACT_##act \
    }

// clang-format off
static const struct member_step table[MEMBER_STATE_COUNT][MEMBER_INPUT_COUNT] =
{
    [MEMBER_FREE] = {
        [MEMBER_OFFER]             = GO(ASKED, ASK),
        [MEMBER_WELCOME]           = STAY(FREE),
        [MEMBER_REFUSAL]           = STAY(FREE),
        [MEMBER_SILENCE]           = STAY(FREE),
        [MEMBER_READY]             = STAY(FREE),
        [MEMBER_UNREADY]           = STAY(FREE),
        [MEMBER_ENGINE_LOST]       = STAY(FREE),
        [MEMBER_ENGINE_LOST_AGAIN] = STAY(FREE),
        [MEMBER_DISMISSAL]         = STAY(FREE),
        [MEMBER_LEASE_OVER]        = STAY(FREE),
        [MEMBER_STOP]              = STAY(FREE),
        [MEMBER_TORN_DOWN]         = STAY(FREE),
    },
    [MEMBER_ASKED] = {
        [MEMBER_OFFER]             = STAY(ASKED),
        [MEMBER_WELCOME]           = GO(PREPARING, PREPARE),
        [MEMBER_REFUSAL]           = GO(FREE, FORGET),
        [MEMBER_SILENCE]           = GO(FREE, FORGET),
        [MEMBER_READY]             = STAY(ASKED),
        [MEMBER_UNREADY]           = STAY(ASKED),
        [MEMBER_ENGINE_LOST]       = STAY(ASKED),
        [MEMBER_ENGINE_LOST_AGAIN] = STAY(ASKED),
        [MEMBER_DISMISSAL]         = GO(FREE, PART),
        [MEMBER_LEASE_OVER]        = GO(FREE, FORGET),
        // It may have been welcomed: the build is told.
        [MEMBER_STOP]              = GO(FREE, PART),
        [MEMBER_TORN_DOWN]         = STAY(ASKED),
    },
    [MEMBER_PREPARING] = {
        [MEMBER_OFFER]             = STAY(PREPARING),
        [MEMBER_WELCOME]           = STAY(PREPARING),
        [MEMBER_REFUSAL]           = STAY(PREPARING),
        [MEMBER_SILENCE]           = STAY(PREPARING),
        [MEMBER_READY]             = GO(SERVING, SERVE),
        [MEMBER_UNREADY]           = GO(LEAVING, GIVE_UP),
        [MEMBER_ENGINE_LOST]       = GO(LEAVING, LEAVE_NEW),
        [MEMBER_ENGINE_LOST_AGAIN] = GO(LEAVING, LEAVE_NEW),
        [MEMBER_DISMISSAL]         = GO(LEAVING, LEAVE),
        [MEMBER_LEASE_OVER]        = GO(LEAVING, LEAVE),
        [MEMBER_STOP]              = GO(LEAVING, LEAVE),
        [MEMBER_TORN_DOWN]         = GO(FREE, PART),
    },
    [MEMBER_SERVING] = {
        [MEMBER_OFFER]             = STAY(SERVING),
        [MEMBER_WELCOME]           = STAY(SERVING),
        [MEMBER_REFUSAL]           = STAY(SERVING),
        [MEMBER_SILENCE]           = STAY(SERVING),
        [MEMBER_READY]             = GO(SERVING, GO_ON),
        [MEMBER_UNREADY]           = GO(LEAVING, GIVE_UP),
        [MEMBER_ENGINE_LOST]       = GO(SERVING, REPLACE),
        [MEMBER_ENGINE_LOST_AGAIN] = GO(LEAVING, LEAVE_NEW),
        [MEMBER_DISMISSAL]         = GO(LEAVING, LEAVE),
        [MEMBER_LEASE_OVER]        = GO(LEAVING, LEAVE),
        [MEMBER_STOP]              = GO(LEAVING, LEAVE),
        [MEMBER_TORN_DOWN]         = GO(FREE, PART),
    },
    [MEMBER_LEAVING] = {
        [MEMBER_OFFER]             = STAY(LEAVING),
        [MEMBER_WELCOME]           = STAY(LEAVING),
        [MEMBER_REFUSAL]           = STAY(LEAVING),
        [MEMBER_SILENCE]           = STAY(LEAVING),
        [MEMBER_READY]             = GO(LEAVING, TEAR_DOWN),
        [MEMBER_UNREADY]           = GO(LEAVING, TEAR_DOWN),
        // Not a third time: it may have torn down half.
        [MEMBER_ENGINE_LOST]       = GO(FREE, PART),
        [MEMBER_ENGINE_LOST_AGAIN] = GO(FREE, PART),
        [MEMBER_DISMISSAL]         = STAY(LEAVING),
        [MEMBER_LEASE_OVER]        = STAY(LEAVING),
        [MEMBER_STOP]              = STAY(LEAVING),
        [MEMBER_TORN_DOWN]         = GO(FREE, PART),
    },
};
// clang-format on

struct member_step
member_life(enum member_state state, enum member_input input)
{
    assert(state < MEMBER_STATE_COUNT && input < MEMBER_INPUT_COUNT);
    return table[state][input];
}

const char *
member_state_name(enum member_state state)
{
    static const char *const names[MEMBER_STATE_COUNT] = {
        "free", "asked", "preparing", "serving", "leaving",
    };
    return names[state];
}
