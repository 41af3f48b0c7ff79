#include "tests/support/rabbit_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/alloc.h"

#define VARIABLES_MAX 40

// Not the one on PATH, which changes user and folder.
#define PROGRAM_FOLDER "/usr/lib/rabbitmq/bin"

static const char definitions[] =
    "{\"users\": [{\"name\": \"guest\", \"tags\": \"administrator\","
    " \"limits\": {}, \"hashing_algorithm\":"
    " \"rabbit_password_hashing_sha256\", \"password_hash\": \"%s\"},"
    " {\"name\": \"nobody\", \"tags\": \"\", \"limits\": {},"
    " \"hashing_algorithm\": \"rabbit_password_hashing_sha256\","
    " \"password_hash\": \"%s\"}],"
    " \"vhosts\": [{\"name\": \"/\"}],"
    " \"permissions\": [{\"user\": \"guest\", \"vhost\": \"/\","
    " \"configure\": \".*\", \"write\": \".*\", \"read\": \".*\"}]}\n";

// An authority, and what it signed for a server on localhost and a client.
static const char make_certificates[] =
    "set -e\n"
    "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=authority'"
    " -keyout ca_key.pem -out ca.pem\n"
    "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' >ext\n"
    "for name in server client; do\n"
    "  openssl req -newkey rsa:2048 -nodes -subj /CN=localhost"
    " -keyout ${name}_key.pem -out $name.csr\n"
    "  openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca_key.pem"
    " -CAcreateserial -days 2 -extfile ext -out $name.pem\n"
    "done\n";

bool
rabbit_server_is_there(void)
{
    return access(PROGRAM_FOLDER "/rabbitmq-server", X_OK) == 0 &&
           broker_server_is_there("erl") && broker_server_is_there("epmd");
}

static void
run(const char *folder, const char *const argv[])
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        // execvp changes none of them.
        char *const *words = NULL;
        memcpy(&words, &argv, sizeof(words));
        if (chdir(folder) == 0 && freopen("tool.log", "a", stdout) != NULL &&
            dup2(STDOUT_FILENO, STDERR_FILENO) >= 0) {
            execvp(argv[0], words);
        }
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "# %s ended with %d\n", argv[0], status);
        abort();
    }
}

static void
write_file(const struct rabbit_server *rabbit, const char *name,
           const char *text)
{
    char *path = alloc_printf("%s/%s", rabbit->server.folder, name);
    FILE *file = fopen(path, "w");

    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        abort();
    }
    free(path);
}

static char *
ask_hash(const char *password)
{
    // Made by a tool that is needed anyway, rather than stored for each user.
    char *command = alloc_printf(
        "{ printf salt; printf 'salt%s' | openssl dgst -sha256 -binary; } |"
        " openssl base64 -A",
        password);
    FILE *pipe = popen(command, "r");
    char text[128] = "";

    if (pipe == NULL || fgets(text, sizeof(text), pipe) == NULL ||
        pclose(pipe) != 0) {
        abort();
    }
    free(command);
    return alloc_dup(text);
}

static void
write_configuration(struct rabbit_server *rabbit,
                    const struct rabbit_server_params *params)
{
    const char *folder = rabbit->server.folder;
    char *tls = alloc_dup("");
    char *guest = ask_hash("guest");
    char *nobody = ask_hash("nobody");
    char *users = alloc_printf(definitions, guest, nobody);

    if (params->tls) {
        const char *const argv[] = {"sh", "-c", make_certificates, NULL};
        run(folder, argv);
        free(tls);
        tls = alloc_printf("listeners.ssl.1 = 127.0.0.1:%d\n"
                           "ssl_options.cacertfile = %s/ca.pem\n"
                           "ssl_options.certfile = %s/server.pem\n"
                           "ssl_options.keyfile = %s/server_key.pem\n"
                           "ssl_options.verify = verify_peer\n"
                           "ssl_options.fail_if_no_peer_cert = false\n",
                           rabbit->tls_port, folder, folder, folder);
    }
    char *text = alloc_printf("listeners.tcp.1 = 127.0.0.1:%d\n"
                              "log.file.level = warning\n"
                              "load_definitions = %s/definitions.json\n"
                              "disk_free_limit.absolute = 1MB\n%s%s",
                              rabbit->server.port, folder, tls,
                              params->config != NULL ? params->config : "");
    write_file(rabbit, "rabbitmq.conf", text);
    write_file(rabbit, "definitions.json", users);
    write_file(rabbit, "plugins", "[].\n");
    if (params->advanced != NULL) {
        write_file(rabbit, "advanced.config", params->advanced);
    }
    free(text);
    free(tls);
    free(guest);
    free(nobody);
    free(users);
}

// `env -i NAME=VALUE ... PROGRAM`: what makes a program of RabbitMQ speak of
// this server alone.
static size_t
words_of(const struct rabbit_server *rabbit, char *words[VARIABLES_MAX])
{
    const char *folder = rabbit->server.folder;
    size_t count = 0;

    words[count++] = alloc_dup("env");
    words[count++] = alloc_dup("-i");
    words[count++] = alloc_printf("PATH=%s", getenv("PATH"));
    words[count++] = alloc_printf("HOME=%s", folder);
    words[count++] = alloc_dup("LANG=C.UTF-8");
    words[count++] = alloc_printf("ERL_EPMD_PORT=%d", rabbit->names.port);
    words[count++] = alloc_dup("ERL_EPMD_ADDRESS=127.0.0.1");
    words[count++] = alloc_printf("RABBITMQ_NODENAME=rabbit%d@localhost",
                                  rabbit->server.port);
    words[count++] = alloc_printf("RABBITMQ_NODE_PORT=%d", rabbit->server.port);
    words[count++] =
        alloc_printf("RABBITMQ_DIST_PORT=%d", rabbit->distribution_port);
    words[count++] = alloc_printf("RABBITMQ_BASE=%s", folder);
    words[count++] = alloc_printf("RABBITMQ_MNESIA_BASE=%s/data", folder);
    words[count++] = alloc_printf("RABBITMQ_LOG_BASE=%s/log", folder);
    words[count++] =
        alloc_printf("RABBITMQ_CONFIG_FILE=%s/rabbitmq.conf", folder);
    words[count++] = alloc_printf(
        "RABBITMQ_ADVANCED_CONFIG_FILE=%s/advanced.config", folder);
    words[count++] = alloc_printf("RABBITMQ_CONF_ENV_FILE=%s/none", folder);
    words[count++] = alloc_printf("RABBITMQ_PID_FILE=%s/pid", folder);
    words[count++] =
        alloc_printf("RABBITMQ_ENABLED_PLUGINS_FILE=%s/plugins", folder);
    // The script becomes the server instead of watching it.
    words[count++] = alloc_dup("RABBITMQ_ALLOW_INPUT=1");
    words[count++] = alloc_dup("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-noinput");
    return count;
}

static void
free_words(char *words[VARIABLES_MAX], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(words[i]);
    }
}

void
rabbit_server_start(struct rabbit_server *rabbit,
                    const struct rabbit_server_params *params)
{
    char *words[VARIABLES_MAX] = {NULL};
    char port[16];
    const char *const names[] = {"epmd",     "-d",        "-port", port,
                                 "-address", "127.0.0.1", NULL};

    *rabbit = (struct rabbit_server){0};
    broker_server_init(&rabbit->server);
    broker_server_init(&rabbit->names);
    rabbit->server.port = broker_server_port();
    rabbit->names.port = broker_server_port();
    rabbit->distribution_port = broker_server_port();
    rabbit->tls_port = params->tls ? broker_server_port() : 0;
    rabbit->url =
        alloc_printf("amqp://guest:guest@127.0.0.1:%d//", rabbit->server.port);
    write_configuration(rabbit, params);
    (void)snprintf(port, sizeof(port), "%d", rabbit->names.port);
    // In the foreground: the one that a server starts itself outlives it.
    broker_server_start(&rabbit->names, names, "epmd running");
    size_t count = words_of(rabbit, words);
    words[count++] = alloc_dup(PROGRAM_FOLDER "/rabbitmq-server");
    broker_server_start(&rabbit->server, (const char *const *)words,
                        "completed with");
    free_words(words, count);
}

void
rabbit_server_control(const struct rabbit_server *rabbit,
                      const char *const control[])
{
    char *words[VARIABLES_MAX] = {NULL};
    size_t count = words_of(rabbit, words);

    words[count++] = alloc_dup(PROGRAM_FOLDER "/rabbitmqctl");
    for (size_t i = 0; control[i] != NULL && count < VARIABLES_MAX - 1; i++) {
        words[count++] = alloc_dup(control[i]);
    }
    run(rabbit->server.folder, (const char *const *)words);
    free_words(words, count);
}

void
rabbit_server_stop(struct rabbit_server *rabbit)
{
    broker_server_stop(&rabbit->server);
    broker_server_stop(&rabbit->names);
    free(rabbit->url);
    *rabbit = (struct rabbit_server){0};
}
