/* Refreshes sessions over keep-alive connections, each of which owns its sessions and always sends their newest
 * token: no ready-made load generator keeps such a state.
 *
 * usage: refresh_load PORT SECONDS CONNECTIONS TOKENS
 *
 * TOKENS is a file of refresh tokens, one a line. With SECONDS 0 each session is refreshed once. At the end the
 * newest refresh tokens are written back, the access tokens beside them into TOKENS.access, and the figures to
 * standard output as JSON, latencies in microseconds. */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { REFRESH_SIZE = 128, ACCESS_SIZE = 1024, ANSWER_SIZE = 16384, SLOWEST = 2000000 };

struct session {
    char refresh[REFRESH_SIZE], access[ACCESS_SIZE];
};

struct connection {
    int descriptor;
    size_t current, received;
    double sent_at;
    char answer[ANSWER_SIZE];
};

static struct session *sessions;
static size_t session_count, connection_count;
static unsigned *latencies; /* how many answers took so many microseconds */
static size_t answered, failed, open_connections;
static int once;
static double ends_at;

static void stop(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void read_tokens(const char *path) {
    FILE *file = fopen(path, "r");
    char line[REFRESH_SIZE];
    if (!file) stop(path);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (session_count % 1024 == 0) {
            sessions = realloc(sessions, (session_count + 1024) * sizeof *sessions);
            if (!sessions) stop("realloc");
        }
        memcpy(sessions[session_count].refresh, line, sizeof line);
        sessions[session_count++].access[0] = 0;
    }
    fclose(file);
}

static void write_tokens(const char *path) {
    char beside[4096];
    snprintf(beside, sizeof beside, "%s.access", path);
    FILE *refresh = fopen(path, "w"), *access = fopen(beside, "w");
    if (!refresh || !access) stop(path);
    for (size_t i = 0; i < session_count; i++) {
        fprintf(refresh, "%s\n", sessions[i].refresh);
        if (sessions[i].access[0]) fprintf(access, "%s\n", sessions[i].access);
    }
    if (fclose(refresh) || fclose(access)) stop(path);
}

static void connect_to(struct connection *connection, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection->descriptor, (struct sockaddr *)&address, sizeof address)) stop("connect");
    setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    open_connections++;
}

static void send_next(struct connection *connection) {
    char request[512], body[256];
    if (now() >= ends_at || connection->current >= session_count) {
        close(connection->descriptor);
        open_connections--;
        return;
    }
    snprintf(body, sizeof body, "{\"refresh_token\":\"%s\"}", sessions[connection->current].refresh);
    int size = snprintf(
        request, sizeof request,
        "POST /auth/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(body), body);
    connection->received = 0;
    connection->sent_at = now();
    if (write(connection->descriptor, request, size) != size) stop("write");
}

/* The text of a member of the answer, which holds no escapes. */
static void take(const char *answer, const char *member, char *value, size_t size) {
    const char *start = strstr(answer, member);
    if (!start) return;
    start += strlen(member);
    size_t length = strcspn(start, "\"");
    if (length >= size) return;
    memcpy(value, start, length);
    value[length] = 0;
}

static int is_whole(const struct connection *connection) {
    const char *end = strstr(connection->answer, "\r\n\r\n"), *length;
    if (!end || !(length = strstr(connection->answer, "Content-Length: "))) return 0;
    return connection->received >= (size_t)(end + 4 - connection->answer) + strtoul(length + 16, NULL, 10);
}

static void receive(struct connection *connection) {
    struct session *session = &sessions[connection->current];
    char *rest = connection->answer + connection->received;
    ssize_t count = read(connection->descriptor, rest, ANSWER_SIZE - 1 - connection->received);
    if (count <= 0) stop("read");
    connection->received += count;
    rest[count] = 0;
    if (!is_whole(connection)) return;
    double microseconds = (now() - connection->sent_at) * 1e6;
    latencies[microseconds < SLOWEST ? (size_t)microseconds : SLOWEST]++;
    if (strncmp(connection->answer, "HTTP/1.1 200", 12)) {
        if (failed++ == 0) fprintf(stderr, "refused: %s\n", connection->answer);
    } else {
        answered++;
        take(connection->answer, "\"refresh_token\":\"", session->refresh, REFRESH_SIZE);
        take(connection->answer, "\"access_token\":\"", session->access, ACCESS_SIZE);
    }
    connection->current += connection_count;
    if (connection->current >= session_count && !once) connection->current %= connection_count;
    send_next(connection);
}

static size_t percentile(double part) {
    size_t wanted = (answered + failed) * part, seen = 0, i = 0;
    while (i < SLOWEST && (seen += latencies[i]) < wanted) i++;
    return i;
}

int main(int count, char **arguments) {
    if (count != 5) return fprintf(stderr, "usage: refresh_load PORT SECONDS CONNECTIONS TOKENS\n"), 64;
    double seconds = atof(arguments[2]);
    read_tokens(arguments[4]);
    connection_count = strtoul(arguments[3], NULL, 10);
    if (connection_count > session_count) connection_count = session_count;
    struct connection *connections = calloc(connection_count, sizeof *connections);
    latencies = calloc(SLOWEST + 1, sizeof *latencies);
    if (!connections || !latencies) stop("calloc");
    once = seconds == 0;
    int epoll = epoll_create1(0);
    double started_at = now();
    ends_at = started_at + (once ? 60 : seconds);
    for (size_t i = 0; i < connection_count; i++) {
        struct epoll_event interest = {.events = EPOLLIN, .data.ptr = &connections[i]};
        connections[i].current = i;
        connect_to(&connections[i], atoi(arguments[1]));
        epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].descriptor, &interest);
        send_next(&connections[i]);
    }
    while (open_connections > 0) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, 10000);
        if (ready <= 0) return fprintf(stderr, "no answer for 10 s\n"), 1;
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
    }
    printf("{\"requests\":%zu,\"failed\":%zu,\"seconds\":%.6f,\"p50\":%zu,\"p99\":%zu}\n", answered, failed,
           now() - started_at, percentile(0.50), percentile(0.99));
    write_tokens(arguments[4]);
    return 0;
}
