#include "transport/redis_script.h"

#include <assert.h>
#include <string.h>

#include <openssl/evp.h>

#include "transport/redis_link.h"

// The server's own clock, in seconds. What a script does is copied to replicas
// as its effects; servers before 5 must be told so.
#define LUA_NOW                                                    \
    "if redis.replicate_commands then redis.replicate_commands() " \
    "end\n"                                                        \
    "local time = redis.call('TIME')\n"                            \
    "local now = tonumber(time[1]) + tonumber(time[2]) / 1000000\n"

// Whether an entry of `unacked`, [envelope, exchange, key], is of a queue.
#define LUA_IS_OF                                                      \
    "local function is_of(entry, queue)\n"                             \
    "  local key = string.match(entry, '\"([^\"\\\\]*)\"%s*%]%s*$')\n" \
    "  if key then return key == queue end\n"                          \
    "  local good, value = pcall(cjson.decode, entry)\n"               \
    "  return good and type(value) == 'table' and value[3] == queue\n" \
    "end\n"

// Calls fn(tag, entry) for all of `unacked`.
#define LUA_EACH_UNACKED                                                 \
    "local function each_unacked(unacked, fn)\n"                         \
    "  local cursor = '0'\n"                                             \
    "  repeat\n"                                                         \
    "    local page = redis.call('HSCAN', unacked, cursor, 'COUNT', "    \
    "100)\n"                                                             \
    "    cursor = page[1]\n"                                             \
    "    for i = 1, #page[2], 2 do fn(page[2][i], page[2][i + 1]) end\n" \
    "  until cursor == '0'\n"                                            \
    "end\n"

static const struct {
    const char *text;
} scripts[] = {
    // KEYS: the four lists of a queue, the list of what is taken, the takers.
    // ARGV: how many, how many bytes, "keep" or "drop", the taker's name if it
    // is to be renewed, and how long a message may be: a longer one is dropped.
    // Gives the number of those taken before, the number of those dropped, and
    // the messages in the order in which kombu takes them.
    [SCRIPT_TAKE] =
        {"local out = {0, 0}\n"
         "local size, count, limit = 0, tonumber(ARGV[1]), tonumber(ARGV[2])\n"
         "local keep = ARGV[3] == 'keep'\n"
         "if keep and ARGV[4] ~= '' then\n" LUA_NOW
         "  redis.call('ZADD', KEYS[6], now, ARGV[4])\n"
         "  out[1] = redis.call('LLEN', KEYS[5])\n"
         "end\n"
         "for i = 1, 4 do\n"
         "  while #out < count + 2 and size < limit do\n"
         "    local message\n"
         "    if keep then\n"
         "      message = redis.call('RPOPLPUSH', KEYS[i], KEYS[5])\n"
         "    else\n"
         "      message = redis.call('RPOP', KEYS[i])\n"
         "    end\n"
         "    if not message then break end\n"
         "    if #message <= tonumber(ARGV[5]) then\n"
         "      out[#out + 1] = message\n"
         "      size = size + #message\n"
         "    else\n"
         "      out[2] = out[2] + 1\n"
         "      if keep then redis.call('LPOP', KEYS[5]) end\n"
         "    end\n"
         "  end\n"
         "end\n"
         "return out\n"},

    // KEYS: a list of what is taken. ARGV: an index, how long a message may
    // be. Gives the message; a number instead where it was too long, and is
    // dropped.
    [SCRIPT_LOOK] = {"local message = redis.call('LINDEX', KEYS[1], ARGV[1])\n"
                     "if message and #message > tonumber(ARGV[2]) then\n"
                     "  redis.call('LREM', KEYS[1], 1, message)\n"
                     "  return #message\n"
                     "end\n"
                     "return message\n"},

    // KEYS: a list of what is taken, a queue's list. ARGV: a message as it is
    // in the first, and as it is to be put in front of the second.
    [SCRIPT_MOVE] =
        {"if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then return 0 end\n"
         "redis.call('RPUSH', KEYS[2], ARGV[2])\n"
         "return 1\n"},

    // KEYS: the takers. ARGV: a name, after how many seconds one is overdue.
    // Gives names of takers that are. The set goes when nobody was in it for
    // long.
    [SCRIPT_RENEW] =
        {LUA_NOW "redis.call('ZADD', KEYS[1], now, ARGV[1])\n"
                 "redis.call('EXPIRE', KEYS[1],\n"
                 "           math.ceil(3 * tonumber(ARGV[2])) + 86400)\n"
                 "return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf',\n"
                 "                  now - tonumber(ARGV[2]), 'LIMIT', 0, 8)\n"},

    // KEYS: unacked, unacked_index. ARGV: a queue, after how many seconds one
    // is overdue, how long one may be. Gives the tags of its messages that
    // nobody renewed.
    [SCRIPT_OVERDUE] =
        {LUA_NOW LUA_IS_OF
         "local out = {}\n"
         "local tags = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf',\n"
         "                        now - tonumber(ARGV[2]), 'LIMIT', 0, 1000)\n"
         "for i = 1, #tags do\n"
         "  local entry = redis.call('HGET', KEYS[1], tags[i])\n"
         "  if entry and #entry <= tonumber(ARGV[3]) and\n"
         "     is_of(entry, ARGV[1]) then\n"
         "    out[#out + 1] = tags[i]\n"
         "  end\n"
         "end\n"
         "return out\n"},

    // KEYS: unacked, unacked_index, a queue's list. ARGV: a tag, the message.
    [SCRIPT_RESTORE] =
        {"redis.call('ZREM', KEYS[2], ARGV[1])\n"
         "if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end\n"
         "redis.call('RPUSH', KEYS[3], ARGV[2])\n"
         "return 1\n"},

    // KEYS: lists.
    [SCRIPT_LENGTH] =
        {"local count = 0\n"
         "for i = 1, #KEYS do count = count + redis.call('LLEN', KEYS[i]) end\n"
         "return count\n"},

    // KEYS: lists.
    [SCRIPT_PURGE] = {"local count = 0\n"
                      "for i = 1, #KEYS do\n"
                      "  count = count + redis.call('LLEN', KEYS[i])\n"
                      "  redis.call('DEL', KEYS[i])\n"
                      "end\n"
                      "return count\n"},

    // KEYS: the four lists, the takers, unacked, unacked_index, two sets of
    // bindings. ARGV: the queue, what names of lists of takers begin with.
    // Gives how many messages that were.
    [SCRIPT_DELETE] =
        {"if redis.replicate_commands then redis.replicate_commands() "
         "end\n" LUA_IS_OF LUA_EACH_UNACKED "local count = 0\n"
         "local function drop(key)\n"
         "  count = count + redis.call('LLEN', key)\n"
         "  redis.call('DEL', key)\n"
         "end\n"
         "for i = 1, 4 do drop(KEYS[i]) end\n"
         "local takers = redis.call('ZRANGE', KEYS[5], 0, -1)\n"
         "for i = 1, #takers do drop(ARGV[2] .. takers[i]) end\n"
         "redis.call('DEL', KEYS[5], KEYS[8], KEYS[9])\n"
         "each_unacked(KEYS[6], function(tag, entry)\n"
         "  if is_of(entry, ARGV[1]) then\n"
         "    count = count + redis.call('HDEL', KEYS[6], tag)\n"
         "    redis.call('ZREM', KEYS[7], tag)\n"
         "  end\n"
         "end)\n"
         "return count\n"},

    // KEYS: the four lists, the takers, unacked, unacked_index. ARGV: the
    // queue, what names of lists of takers begin with, a header, its text.
    [SCRIPT_WITHDRAW] =
        {"if redis.replicate_commands then redis.replicate_commands() "
         "end\n" LUA_IS_OF LUA_EACH_UNACKED
         "local plain = not string.find(ARGV[4], '[^%w%._@:%-]')\n"
         "local function wanted(envelope)\n"
         "  return type(envelope) == 'table'\n"
         "    and type(envelope.headers) == 'table'\n"
         "    and envelope.headers[ARGV[3]] == ARGV[4]\n"
         "end\n"
         "local function decode(text)\n"
         "  if plain and not string.find(text, ARGV[4], 1, true) then\n"
         "    return nil\n"
         "  end\n"
         "  local good, value = pcall(cjson.decode, text)\n"
         "  return good and value or nil\n"
         "end\n"
         "local count = 0\n"
         "local function sift(key)\n"
         "  local all = redis.call('LRANGE', key, 0, -1)\n"
         "  for i = 1, #all do\n"
         "    if wanted(decode(all[i])) then\n"
         "      count = count + redis.call('LREM', key, 1, all[i])\n"
         "    end\n"
         "  end\n"
         "end\n"
         "for i = 1, 4 do sift(KEYS[i]) end\n"
         "local takers = redis.call('ZRANGE', KEYS[5], 0, -1)\n"
         "for i = 1, #takers do sift(ARGV[2] .. takers[i]) end\n"
         "each_unacked(KEYS[6], function(tag, entry)\n"
         "  local value = is_of(entry, ARGV[1]) and decode(entry)\n"
         "  if type(value) == 'table' and wanted(value[1]) then\n"
         "    count = count + redis.call('HDEL', KEYS[6], tag)\n"
         "    redis.call('ZREM', KEYS[7], tag)\n"
         "  end\n"
         "end)\n"
         "return count\n"},

    // KEYS: a set of bindings. ARGV: what all keys begin with, the routing
    // key, the message, the end of the list's name, "direct" or "topic", and
    // for the latter the channel of those that listen. Gives how many lists
    // took it. A topic's own bindings have a pattern; those without one were
    // made by who takes the exchange for a fanout, and listens.
    [SCRIPT_ROUTE] =
        {"local topic = ARGV[5] == 'topic'\n"
         "local function split(text)\n"
         "  local words = {}\n"
         "  for word in string.gmatch(text .. '.', '([^.]*)%.') do\n"
         "    words[#words + 1] = word\n"
         "  end\n"
         "  return words\n"
         "end\n"
         "local key = split(ARGV[2])\n"
         "local function fits(words, i, j)\n"
         "  if i > #words then return j > #key end\n"
         "  if words[i] == '#' then\n"
         "    for n = j, #key + 1 do\n"
         "      if fits(words, i + 1, n) then return true end\n"
         "    end\n"
         "    return false\n"
         "  end\n"
         "  return j <= #key and (words[i] == '*' or words[i] == key[j])\n"
         "    and fits(words, i + 1, j + 1)\n"
         "end\n"
         "local queues, count = {}, 0\n"
         "local members = redis.call('SMEMBERS', KEYS[1])\n"
         "for i = 1, #members do\n"
         "  local bound, pattern, queue =\n"
         "    string.match(members[i], '^(.-)\\6\\22(.-)\\6\\22(.*)$')\n"
         "  if queue and not queues[queue] and\n"
         "     ((topic and pattern ~= '' and fits(split(bound), 1, 1)) or\n"
         "      (not topic and bound == ARGV[2])) then\n"
         "    queues[queue] = true\n"
         "    count = count + 1\n"
         "    redis.call('LPUSH', ARGV[1] .. queue .. ARGV[4], ARGV[3])\n"
         "  end\n"
         "end\n"
         "if topic then redis.call('PUBLISH', ARGV[6], ARGV[3]) end\n"
         "return count\n"},
};

const char *
redis_script_text(enum redis_script script)
{
    return scripts[script].text;
}

void
redis_scripts_init(struct redis_scripts *hashes)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    for (int i = 0; i < SCRIPT_COUNT; i++) {
        const char *text = scripts[i].text;
        EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL);
        assert(len == 20);
        for (size_t k = 0; k < len; k++) {
            (void)snprintf(hashes->names[i] + 2 * k, 3, "%02x", digest[k]);
        }
    }
}

void
redis_script_begin(struct buf *buf, const struct redis_scripts *hashes,
                   enum redis_script script, size_t keys, size_t arguments)
{
    redis_command_begin(buf, 3 + keys + arguments);
    redis_command_add_text(buf, "EVALSHA");
    redis_command_add_text(buf, hashes->names[script]);
    redis_command_add_int(buf, (int64_t)keys);
}
