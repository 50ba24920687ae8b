#define _GNU_SOURCE
#include "CMaxMind.h"
#include "CLibrary.h"
#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every function that is called here. */
#define FUNCTIONS(X) \
    X(int, MMDB_open, (const char *, uint32_t, MMDB_s *)) \
    X(MMDB_lookup_result_s, MMDB_lookup_sockaddr, (const MMDB_s *, const struct sockaddr *, int *)) \
    X(int, MMDB_read_node, (const MMDB_s *, uint32_t, MMDB_search_node_s *)) \
    X(int, MMDB_aget_value, (MMDB_entry_s *, MMDB_entry_data_s *, const char *const *)) \
    X(void, MMDB_close, (MMDB_s *))

GH_LIBRARY("libmaxminddb.so.0", FUNCTIONS)

static int failed = 1;

static void load(void) { failed = !find_library(); }

static int is_loaded(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return !failed;
}

static enum gh_maxmind_fault copy(int from, int to) {
    static const size_t chunk = 1 << 16;
    char *buffer = malloc(chunk);
    if (!buffer) return GH_MAXMIND_NOT_KEPT;
    enum gh_maxmind_fault fault = GH_MAXMIND_NONE;
    while (!fault) {
        ssize_t count = read(from, buffer, chunk);
        if (count == 0) break;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fault = GH_MAXMIND_NOT_READ;
        for (ssize_t done = 0; !fault && done < count;) {
            ssize_t written = write(to, buffer + done, (size_t)(count - done));
            if (written > 0) done += written;
            else if (errno != EINTR) fault = GH_MAXMIND_NOT_KEPT;
        }
    }
    free(buffer);
    return fault;
}

/* A descriptor of a file in memory with what is in that file; -1 on failure. */
static int copy_of(const char *path, enum gh_maxmind_fault *fault) {
    struct stat status;
    int kept = -1;
    /* A pipe would keep whoever opens it waiting. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *fault = GH_MAXMIND_NOT_READ;
    if (file < 0) return -1;
    if (fstat(file, &status) == 0) {
        if (!S_ISREG(status.st_mode)) {
            *fault = GH_MAXMIND_NO_DATABASE;
        } else {
            kept = memfd_create("countries", MFD_CLOEXEC);
            *fault = kept < 0 ? GH_MAXMIND_NOT_KEPT : copy(file, kept);
        }
    }
    int reason = errno;
    close(file);
    if (*fault && kept >= 0) close(kept);
    errno = reason;
    return *fault ? -1 : kept;
}

static int country_of(MMDB_entry_s *entry, uint8_t country[2]) {
    static const char *const path[] = {"country", "iso_code", NULL};
    MMDB_entry_data_s data;
    if (lib.MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data
        || data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
        return 0;
    memcpy(country, data.utf8_string, 2);
    return country[0] >= 'A' && country[0] <= 'Z' && country[1] >= 'A' && country[1] <= 'Z';
}

/* Whether a country stands among the first records of the tree: databases of other things have the same form. */
static int has_countries(const MMDB_s *database) {
    enum { visits = 100000, depth = 256 };
    uint32_t waiting[depth] = {0};
    size_t count = 1;
    uint8_t country[2];
    for (int visit = 0; count && visit < visits; visit++) {
        MMDB_search_node_s node;
        if (lib.MMDB_read_node(database, waiting[--count], &node) != MMDB_SUCCESS) return 0;
        if (node.left_record_type == MMDB_RECORD_TYPE_DATA && country_of(&node.left_record_entry, country)) return 1;
        if (node.right_record_type == MMDB_RECORD_TYPE_DATA && country_of(&node.right_record_entry, country)) return 1;
        /* No tree of addresses is so deep. */
        if (count + 2 > depth) return 0;
        if (node.right_record_type == MMDB_RECORD_TYPE_SEARCH_NODE) waiting[count++] = (uint32_t)node.right_record;
        if (node.left_record_type == MMDB_RECORD_TYPE_SEARCH_NODE) waiting[count++] = (uint32_t)node.left_record;
    }
    return 0;
}

static enum gh_maxmind_fault open_copy(int file, MMDB_s *database) {
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    int outcome = lib.MMDB_open(name, MMDB_MODE_MMAP, database);
    if (outcome == MMDB_SUCCESS && has_countries(database)) return GH_MAXMIND_NONE;
    if (outcome == MMDB_SUCCESS) lib.MMDB_close(database);
    if (outcome == MMDB_SUCCESS) return GH_MAXMIND_NO_COUNTRIES;
    return outcome == MMDB_FILE_OPEN_ERROR || outcome == MMDB_OUT_OF_MEMORY_ERROR ? GH_MAXMIND_NOT_KEPT
                                                                                 : GH_MAXMIND_NO_DATABASE;
}

void *gh_maxmind_open(const char *path, enum gh_maxmind_fault *fault) {
    *fault = GH_MAXMIND_NO_LIBRARY;
    if (!is_loaded()) return NULL;
    int file = copy_of(path, fault);
    if (file < 0) return NULL;
    MMDB_s *database = calloc(1, sizeof *database);
    *fault = database ? open_copy(file, database) : GH_MAXMIND_NOT_KEPT;
    int reason = errno;
    close(file);
    errno = reason;
    if (!*fault) return database;
    free(database);
    return NULL;
}

int gh_maxmind_country(const void *database, const uint8_t address[16], uint8_t country[2]) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    memcpy(&four.sin_addr, address + 12, 4);
    memcpy(&six.sin6_addr, address, 16);
    int is_four = memcmp(address, mapped, sizeof mapped) == 0;
    int fault = MMDB_SUCCESS;
    MMDB_lookup_result_s found = lib.MMDB_lookup_sockaddr(
        database, is_four ? (const struct sockaddr *)&four : (const struct sockaddr *)&six, &fault);
    return fault == MMDB_SUCCESS && found.found_entry && country_of(&found.entry, country);
}

void gh_maxmind_close(void *database) {
    lib.MMDB_close(database);
    free(database);
}
