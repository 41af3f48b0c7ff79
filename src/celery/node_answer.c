// What a node answers to commands that only ask.
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "celery/node_internal.h"
#include "celery/repr.h"
#include "celery/wire_json.h"
#include "transport/broker_url.h"
#include "util/alloc.h"

static void
set_text(json_t *object, const char *name, const char *text)
{
    wire_json_set(object, name, wire_json_text(slice_of(text)));
}

static void
set_int(json_t *object, const char *name, int64_t number)
{
    wire_json_set(object, name, json_integer(number));
}

// Arguments are shown as they are, but for long ones: an answer must stay
// one that can be sent.
static json_t *
show(const json_t *value, json_t *text, bool safe)
{
    if (safe || json_string_length(text) > REPR_MAX - 8) {
        return text;
    }
    json_decref(text);
    return wire_json_share(value);
}

json_t *
node_answer_task(const struct node_task *task, bool safe)
{
    json_t *info = json_object();
    json_t *delivery = json_object();
    const struct task *what = &task->task;
    bool started = task->state == NODE_TASK_STARTED;

    wire_json_set(info, "id", wire_json_text(what->id));
    wire_json_set(info, "name", wire_json_text(what->name));
    wire_json_set(info, "args", show(what->args, node_task_args(task), safe));
    wire_json_set(info, "kwargs",
                  show(what->kwargs, node_task_kwargs(task), safe));
    wire_json_set(info, "type", wire_json_text(what->name));
    set_text(info, "hostname", task->node->name);
    wire_json_set(info, "time_start",
                  started ? json_real((double)task->started_wall / 1e6)
                          : json_null());
    wire_json_set(info, "acknowledged", json_false());
    set_text(delivery, "exchange", task->exchange);
    set_text(delivery, "routing_key", task->routing_key);
    set_int(delivery, "priority", what->priority);
    wire_json_set(delivery, "redelivered", json_boolean(task->redelivered));
    wire_json_set(info, "delivery_info", delivery);
    wire_json_set(info, "worker_pid",
                  started ? json_integer(task->pid) : json_null());
    return info;
}

json_t *
node_answer_tasks(struct node *node, bool active, bool safe)
{
    json_t *list = json_array();

    LIST_FOR_EACH(link, &node->tasks)
    {
        const struct node_task *task = LIST_ENTRY(link, struct node_task, link);
        if (task->state == (active ? NODE_TASK_STARTED : NODE_TASK_GIVEN)) {
            json_array_append_new(list, node_answer_task(task, safe));
        }
    }
    return list;
}

json_t *
node_answer_scheduled(struct node *node)
{
    json_t *list = json_array();

    LIST_FOR_EACH(link, &node->tasks)
    {
        const struct node_task *task = LIST_ENTRY(link, struct node_task, link);
        if (task->state == NODE_TASK_WAITING) {
            char eta[TASK_TIME_SIZE];
            json_t *entry = json_object();
            task_time_write(task->task.eta, eta);
            set_text(entry, "eta", eta);
            set_int(entry, "priority", 6); // as Celery has for all
            wire_json_set(entry, "request", node_answer_task(task, false));
            json_array_append_new(list, entry);
        }
    }
    return list;
}

static json_t *
queue_arguments(const struct queue_params *params)
{
    json_t *arguments = NULL;

    if (params->expires_ms == 0 && params->message_ttl_ms == 0) {
        return json_null();
    }
    arguments = json_object();
    if (params->expires_ms > 0) {
        set_int(arguments, "x-expires", params->expires_ms);
    }
    if (params->message_ttl_ms > 0) {
        set_int(arguments, "x-message-ttl", params->message_ttl_ms);
    }
    return arguments;
}

static json_t *
queue_info(const struct node_queue *queue)
{
    static const char *const nulls[] = {"binding_arguments",
                                        "consumer_arguments",
                                        "alias",
                                        "no_declare",
                                        "expires",
                                        "message_ttl",
                                        "max_length",
                                        "max_length_bytes",
                                        "max_priority"};
    json_t *info = json_object();
    json_t *exchange = json_object();

    set_text(exchange, "name", queue->name);
    set_text(exchange, "type", "direct");
    wire_json_set(exchange, "arguments", json_null());
    wire_json_set(exchange, "durable", json_true());
    wire_json_set(exchange, "passive", json_false());
    wire_json_set(exchange, "auto_delete", json_false());
    wire_json_set(exchange, "delivery_mode", json_null());
    wire_json_set(exchange, "no_declare", json_false());
    set_text(info, "name", queue->name);
    wire_json_set(info, "exchange", exchange);
    set_text(info, "routing_key", queue->name);
    wire_json_set(info, "queue_arguments", queue_arguments(&queue->params));
    wire_json_set(info, "durable", json_boolean(queue->params.durable));
    wire_json_set(info, "exclusive", json_boolean(queue->params.exclusive));
    wire_json_set(info, "auto_delete", json_boolean(queue->params.auto_delete));
    wire_json_set(info, "no_ack", json_false());
    wire_json_set(info, "bindings", json_array());
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
        wire_json_set(info, nulls[i], json_null());
    }
    return info;
}

json_t *
node_answer_queues(struct node *node)
{
    json_t *list = json_array();

    LIST_FOR_EACH(link, &node->queues)
    {
        json_array_append_new(
            list, queue_info(LIST_ENTRY(link, struct node_queue, link)));
    }
    return list;
}

json_t *
node_answer_registered(struct node *node)
{
    json_t *list = json_array();

    for (size_t i = 0; node->tasks_known[i] != NULL; i++) {
        json_array_append_new(list,
                              wire_json_text(slice_of(node->tasks_known[i])));
    }
    return list;
}

static void
set_broker(json_t *broker, const struct broker_url *url)
{
    static const char *const kinds[] = {
        [BROKER_AMQP] = "amqp",
        [BROKER_REDIS] = "redis",
        [BROKER_INPROC] = "inproc",
    };
    char database[16];

    (void)snprintf(database, sizeof(database), "%d", url->database);
    set_text(broker, "hostname", url->path[0] != '\0' ? url->path : url->host);
    wire_json_set(broker, "userid",
                  url->user[0] != '\0' ? wire_json_text(slice_of(url->user))
                                       : json_null());
    set_text(broker, "virtual_host",
             url->kind == BROKER_AMQP ? url->vhost : database);
    set_int(broker, "port", url->port);
    set_text(broker, "transport", kinds[url->kind]);
    wire_json_set(broker, "ssl", json_boolean(url->tls));
    wire_json_set(broker, "heartbeat", json_real(url->heartbeat_ms / 1000.0));
}

static json_t *
broker_info(const struct node *node)
{
    json_t *broker = json_object();
    struct broker_urls urls = {0};
    struct err err = {0};

    if (broker_urls_parse(&urls, node->urls, &err)) {
        json_t *others = json_array();
        set_broker(broker, &urls.items[0]);
        for (int i = 1; i < urls.count; i++) {
            json_array_append_new(
                others, wire_json_text(slice_of(urls.items[i].shown)));
        }
        wire_json_set(broker, "alternates", others);
    }
    broker_urls_release(&urls);
    set_int(broker, "connect_timeout", 4);
    wire_json_set(broker, "insist", json_false());
    wire_json_set(broker, "login_method", json_null());
    wire_json_set(broker, "uri_prefix", json_null());
    wire_json_set(broker, "transport_options", json_object());
    set_text(broker, "failover_strategy", "round-robin");
    return broker;
}

static json_t *
pool_info(const struct node *node)
{
    json_t *pool = json_object();
    json_t *processes = json_array();
    json_t *timeouts = json_array();

    for (size_t i = 0; i < node->processes.count; i++) {
        json_array_append_new(processes,
                              json_integer(node->processes.items[i]));
    }
    json_array_append_new(timeouts, json_integer(0));
    json_array_append_new(timeouts, json_integer(0));
    set_text(pool, "implementation", node->software);
    set_int(pool, "max-concurrency", node->concurrency);
    wire_json_set(pool, "processes", processes);
    set_text(pool, "max-tasks-per-child", "N/A");
    wire_json_set(pool, "put-guarded-by-semaphore", json_false());
    wire_json_set(pool, "timeouts", timeouts);
    return pool;
}

static double
seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static json_t *
usage_info(void)
{
    struct rusage usage = {0};
    json_t *info = json_object();

    (void)getrusage(RUSAGE_SELF, &usage);
    wire_json_set(info, "utime", json_real(seconds(usage.ru_utime)));
    wire_json_set(info, "stime", json_real(seconds(usage.ru_stime)));
    set_int(info, "maxrss", usage.ru_maxrss);
    set_int(info, "ixrss", usage.ru_ixrss);
    set_int(info, "idrss", usage.ru_idrss);
    set_int(info, "isrss", usage.ru_isrss);
    set_int(info, "minflt", usage.ru_minflt);
    set_int(info, "majflt", usage.ru_majflt);
    set_int(info, "nswap", usage.ru_nswap);
    set_int(info, "inblock", usage.ru_inblock);
    set_int(info, "oublock", usage.ru_oublock);
    set_int(info, "msgsnd", usage.ru_msgsnd);
    set_int(info, "msgrcv", usage.ru_msgrcv);
    set_int(info, "nsignals", usage.ru_nsignals);
    set_int(info, "nvcsw", usage.ru_nvcsw);
    set_int(info, "nivcsw", usage.ru_nivcsw);
    return info;
}

json_t *
node_answer_stats(struct node *node)
{
    json_t *stats = json_object();
    char clock[24];
    uint32_t prefetch = 0;

    LIST_FOR_EACH(link, &node->queues)
    {
        const struct node_queue *queue =
            LIST_ENTRY(link, struct node_queue, link);
        prefetch += queue->prefetch + queue->waiting;
    }
    (void)snprintf(clock, sizeof(clock), "%lld", (long long)node->clock.value);
    wire_json_set(stats, "total", json_copy(node->total));
    set_int(stats, "pid", getpid());
    set_text(stats, "clock", clock);
    set_int(stats, "uptime", (loop_now_us(node->loop) - node->born) / 1000000);
    wire_json_set(stats, "pool", pool_info(node));
    wire_json_set(stats, "broker", broker_info(node));
    set_int(stats, "prefetch_count", prefetch);
    wire_json_set(stats, "rusage", usage_info());
    return stats;
}

// The URLs as people may see them.
static char *
shown_urls(const struct node *node)
{
    struct broker_urls urls = {0};
    struct err err = {0};
    struct buf text = BUF_INIT(64 << 10);

    if (broker_urls_parse(&urls, node->urls, &err)) {
        for (int i = 0; i < urls.count; i++) {
            (void)buf_addf(&text, "%s%s", i > 0 ? ";" : "",
                           urls.items[i].shown);
        }
    }
    broker_urls_release(&urls);
    char *shown = alloc_dup(buf_text(&text));
    buf_release(&text);
    return shown;
}

json_t *
node_answer_conf(struct node *node)
{
    json_t *conf = json_object();
    char *urls = shown_urls(node);
    struct list_link *first = list_first(&node->queues);

    set_text(conf, "broker_url", urls);
    set_text(conf, "result_backend", "rpc://");
    wire_json_set(conf, "task_acks_late", json_true());
    wire_json_set(conf, "task_track_started",
                  json_boolean(node->track_started));
    if (first != NULL) {
        set_text(conf, "task_default_queue",
                 LIST_ENTRY(first, struct node_queue, link)->name);
    }
    set_int(conf, "worker_concurrency", node->concurrency);
    set_int(conf, "worker_prefetch_multiplier", 1);
    wire_json_set(conf, "worker_send_task_events",
                  json_boolean(node->task_events));
    wire_json_merge(conf, node->settings);
    free(urls);
    return conf;
}

json_t *
node_answer_report(struct node *node)
{
    struct buf text = BUF_INIT(256 << 10);
    struct utsname system = {0};
    json_t *conf = node_answer_conf(node);
    json_t *answer = json_object();
    const char *key = NULL;
    json_t *value = NULL;

    (void)uname(&system);
    (void)buf_addf(&text,
                   "\nsoftware -> %s:%s\nplatform -> system:%s arch:%s\n"
                   "            kernel version:%s\n"
                   "settings -> transport:%s results:rpc://\n\n",
                   node->software, node->version, system.sysname,
                   system.machine, system.release,
                   transport_address(node->transport));
    json_object_foreach(conf, key, value)
    {
        (void)buf_addf(&text, "%s: ", key);
        repr_add(&text, value, REPR_MAX);
        (void)buf_add_char(&text, '\n');
    }
    wire_json_set(answer, "ok", wire_json_text(buf_slice(&text)));
    json_decref(conf);
    buf_release(&text);
    return answer;
}
