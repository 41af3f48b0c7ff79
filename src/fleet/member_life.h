/*
 * What a member of the fleet does when something happens to it, as a table:
 * from a state and an input to the next state and an action. Pure; the action
 * is carried out by the member.
 */
#ifndef FLEET_MEMBER_LIFE_H
#define FLEET_MEMBER_LIFE_H

enum member_state {
    MEMBER_FREE,      // takes offers
    MEMBER_ASKED,     // took one, and waits for the welcome
    MEMBER_PREPARING, // its engine makes the workspace ready
    MEMBER_SERVING,   // takes orders
    MEMBER_LEAVING,   // its engine ends what runs, and tears down
    MEMBER_STATE_COUNT
};

enum member_input {
    MEMBER_OFFER,             // of a build
    MEMBER_WELCOME,           // the build wants it
    MEMBER_REFUSAL,           // the build does not want it
    MEMBER_SILENCE,           // nobody answered in time
    MEMBER_READY,             // the engine can work
    MEMBER_UNREADY,           // the engine cannot make it ready
    MEMBER_ENGINE_LOST,       // it died, for the first time
    MEMBER_ENGINE_LOST_AGAIN, // and once more
    MEMBER_DISMISSAL,         // the build has no use for it any more
    MEMBER_LEASE_OVER,        // nothing was heard of the build
    MEMBER_STOP,              // this worker ends
    MEMBER_TORN_DOWN,         // the engine did its last and is gone
    MEMBER_INPUT_COUNT
};

enum member_action {
    ACT_NOTHING,
    ACT_ASK,       // leave the offers, say hello
    ACT_FORGET,    // the offer: back to the others
    ACT_PREPARE,   // start an engine
    ACT_SERVE,     // join the queue
    ACT_GO_ON,     // give the new engine what the lost one had not begun
    ACT_REPLACE,   // what had begun is lost; start a new engine
    ACT_GIVE_UP,   // say why, then as ACT_LEAVE
    ACT_LEAVE,     // leave the queue, have it torn down
    ACT_LEAVE_NEW, // likewise, by a new engine, and say why
    ACT_TEAR_DOWN, // this engine may begin to
    ACT_PART,      // say so, be free
};

struct member_step {
    enum member_state next;
    enum member_action action;
};

struct member_step member_life(enum member_state state,
                               enum member_input input);

/* "free", "asked", ...; static. */
const char *member_state_name(enum member_state state);

#endif
