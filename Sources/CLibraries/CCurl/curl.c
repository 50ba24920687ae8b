#define _GNU_SOURCE
#define CURL_DISABLE_DEPRECATION
#define CURL_DISABLE_TYPECHECK
#include "CCurl.h"
#include "CLibrary.h"
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Every function that is called here. */
#define FUNCTIONS(X) \
    X(CURLcode, curl_global_init, (long)) \
    X(CURL *, curl_easy_init, (void)) \
    X(CURLcode, curl_easy_setopt, (CURL *, CURLoption, ...)) \
    X(CURLcode, curl_easy_getinfo, (CURL *, CURLINFO, ...)) \
    X(void, curl_easy_cleanup, (CURL *)) \
    X(struct curl_slist *, curl_slist_append, (struct curl_slist *, const char *)) \
    X(void, curl_slist_free_all, (struct curl_slist *)) \
    X(CURLM *, curl_multi_init, (void)) \
    X(CURLMcode, curl_multi_add_handle, (CURLM *, CURL *)) \
    X(CURLMcode, curl_multi_remove_handle, (CURLM *, CURL *)) \
    X(CURLMcode, curl_multi_perform, (CURLM *, int *)) \
    X(CURLMcode, curl_multi_poll, (CURLM *, struct curl_waitfd *, unsigned int, int, int *)) \
    X(CURLMcode, curl_multi_wakeup, (CURLM *)) \
    X(CURLMsg *, curl_multi_info_read, (CURLM *, int *)) \
    X(CURLMcode, curl_multi_cleanup, (CURLM *))

GH_LIBRARY("libcurl.so.4", FUNCTIONS)

static int failed = 1;

static void load(void) { failed = !find_library() || lib.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK; }

int gh_curl_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return failed;
}

struct errand;

struct multi {
    CURLM *curl;
    struct errand *first;
    /* Set by whoever stops the thread. */
    atomic_int is_stopping;
};

/* One request under way. */
struct errand {
    struct multi *multi;
    struct errand *next;
    struct errand *former;
    CURL *easy;
    /* Of HTTP, or the recipients of a mail. */
    struct curl_slist *headers;
    /* Of a mail, and how much of it has been sent. NULL for HTTP. */
    char *text;
    size_t sent;
    size_t size;
    /* Whether the server has been told whom it is for. */
    int has_named;
    /* When the server has answered to the whole of it; 0 before. */
    time_t answered;
    gh_curl_admits admits;
    gh_curl_takes takes_line;
    gh_curl_takes takes_body;
    void *context;
    size_t left;
    int was_refused;
    int is_too_long;
};

/* The address that is really connected to is the one that is looked at: no name is looked up again in between. */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *to) {
    struct errand *errand = data;
    const uint8_t *address = NULL;
    size_t size = 0;
    if (to->family == AF_INET) {
        address = (const uint8_t *)&((struct sockaddr_in *)&to->addr)->sin_addr;
        size = 4;
    } else if (to->family == AF_INET6) {
        address = (const uint8_t *)&((struct sockaddr_in6 *)&to->addr)->sin6_addr;
        size = 16;
    }
    if (purpose != CURLSOCKTYPE_IPCXN || !address || !errand->admits(errand->context, address, size)) {
        errand->was_refused = 1;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t take(struct errand *errand, gh_curl_takes takes, const char *bytes, size_t size) {
    if (size > errand->left) {
        errand->is_too_long = 1;
        return 0;
    }
    errand->left -= size;
    takes(errand->context, (const uint8_t *)bytes, size);
    return size;
}

static size_t take_line(char *bytes, size_t one, size_t size, void *data) {
    struct errand *errand = data;
    return take(errand, errand->takes_line, bytes, one * size);
}

static size_t take_body(char *bytes, size_t one, size_t size, void *data) {
    struct errand *errand = data;
    return take(errand, errand->takes_body, bytes, one * size);
}

static size_t count(char *bytes, size_t one, size_t size, void *data) {
    (void)bytes;
    (void)one;
    struct errand *errand = data;
    if (size > errand->left) return 0;
    errand->left -= size;
    return size;
}

void *gh_curl_open(void) {
    struct multi *multi = calloc(1, sizeof *multi);
    if (!multi) return NULL;
    multi->curl = lib.curl_multi_init();
    if (multi->curl) return multi;
    free(multi);
    return NULL;
}

static void release(struct errand *errand) {
    lib.curl_slist_free_all(errand->headers);
    free(errand->text);
    free(errand);
}

static void forget(struct multi *multi, struct errand *errand) {
    lib.curl_multi_remove_handle(multi->curl, errand->easy);
    if (errand->former) errand->former->next = errand->next;
    else multi->first = errand->next;
    if (errand->next) errand->next->former = errand->former;
    lib.curl_easy_cleanup(errand->easy);
    release(errand);
}

static int set_headers(struct errand *errand, const struct gh_curl_request *request) {
    for (size_t index = 0; index < request->header_count; index++) {
        struct curl_slist *more = lib.curl_slist_append(errand->headers, request->headers[index]);
        if (!more) return 1;
        errand->headers = more;
    }
    return lib.curl_easy_setopt(errand->easy, CURLOPT_HTTPHEADER, errand->headers) != CURLE_OK;
}

#define SET(option, value) fault = fault ? fault : lib.curl_easy_setopt(errand->easy, option, value)

static int set_http(struct errand *errand, const struct gh_curl_request *request) {
    CURLcode fault = CURLE_OK;
    long protocols = CURLPROTO_HTTPS | (request->allows_http ? CURLPROTO_HTTP : 0);
    SET(CURLOPT_PROTOCOLS, protocols);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (request->is_get) {
        SET(CURLOPT_HTTPGET, 1L);
    } else {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        SET(CURLOPT_COPYPOSTFIELDS, request->body);
    }
    return fault != CURLE_OK || set_headers(errand, request);
}

static size_t give_text(char *buffer, size_t one, size_t size, void *data) {
    struct errand *errand = data;
    size_t room = one * size;
    size_t rest = errand->size - errand->sent;
    size_t count = rest < room ? rest : room;
    memcpy(buffer, errand->text + errand->sent, count);
    errand->sent += count;
    return count;
}

/* Seconds, never 0. */
static time_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + 1;
}

static size_t hear(char *bytes, size_t one, size_t size, void *data) {
    struct errand *errand = data;
    /* The last line of an answer has a space behind its number. */
    if (errand->sent == errand->size && one * size > 3 && bytes[3] == ' ' && !errand->answered) errand->answered = now();
    return one * size;
}

/* Of all that libcurl tells of its work only this is listened to. The recipient is named once an answer came to all that
   was said before, so no answer that comes from then on is to anything before. */
static int overhear(CURL *easy, curl_infotype type, char *bytes, size_t size, void *data) {
    (void)easy;
    struct errand *errand = data;
    if (type == CURLINFO_HEADER_OUT && size >= 8 && memcmp(bytes, "RCPT TO:", 8) == 0) errand->has_named = 1;
    return 0;
}

/* libcurl waits for the answer to a text, and for that to its QUIT, with the whole thread; it asks here once a second
   whether to go on. Nobody waits for long for the answer to a QUIT, nor for any when the thread is to stop. */
static int has_waited(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    struct errand *errand = data;
    return atomic_load(&errand->multi->is_stopping) || (errand->answered && now() > errand->answered + 1);
}

static int set_mail(struct errand *errand, const struct gh_curl_request *request) {
    const struct gh_curl_mail *mail = request->mail;
    CURLcode fault = CURLE_OK;
    errand->text = malloc(request->body_size + 1);
    errand->headers = lib.curl_slist_append(NULL, mail->recipient);
    if (!errand->text || !errand->headers) return 1;
    memcpy(errand->text, request->body, request->body_size);
    errand->size = request->body_size;
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_SMTP | CURLPROTO_SMTPS));
    SET(CURLOPT_USE_SSL, mail->starts_tls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
    SET(CURLOPT_HEADERFUNCTION, hear);
    SET(CURLOPT_HEADERDATA, errand);
    SET(CURLOPT_VERBOSE, 1L);
    SET(CURLOPT_DEBUGFUNCTION, overhear);
    SET(CURLOPT_DEBUGDATA, errand);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, has_waited);
    SET(CURLOPT_XFERINFODATA, errand);
    /* The answer to a QUIT is not within the time of the whole. */
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, request->milliseconds / 1000 + 1);
    SET(CURLOPT_MAIL_FROM, mail->sender);
    SET(CURLOPT_MAIL_RCPT, errand->headers);
    if (mail->user) SET(CURLOPT_USERNAME, mail->user);
    if (mail->password) SET(CURLOPT_PASSWORD, mail->password);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)errand->size);
    SET(CURLOPT_READFUNCTION, give_text);
    SET(CURLOPT_READDATA, errand);
    return fault != CURLE_OK;
}

static int set_options(struct errand *errand, const struct gh_curl_request *request) {
    CURLcode fault = CURLE_OK;
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (request->ca_file) SET(CURLOPT_CAINFO, request->ca_file);
    /* A connection is for one request unless said otherwise, so that each request's address is looked at. */
    SET(CURLOPT_FRESH_CONNECT, request->reuses ? 0L : 1L);
    SET(CURLOPT_FORBID_REUSE, request->reuses ? 0L : 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_milliseconds);
    SET(CURLOPT_TIMEOUT_MS, request->milliseconds);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, errand);
    SET(CURLOPT_WRITEFUNCTION, request->takes_body ? take_body : count);
    SET(CURLOPT_WRITEDATA, errand);
    if (request->takes_line) {
        SET(CURLOPT_HEADERFUNCTION, take_line);
        SET(CURLOPT_HEADERDATA, errand);
    }
    SET(CURLOPT_PRIVATE, errand);
    if (fault != CURLE_OK) return 1;
    return request->mail ? set_mail(errand, request) : set_http(errand, request);
}

#undef SET

int gh_curl_start(void *handle, const struct gh_curl_request *request) {
    struct multi *multi = handle;
    struct errand *errand = calloc(1, sizeof *errand);
    if (!errand) return 1;
    errand->multi = multi;
    errand->easy = lib.curl_easy_init();
    errand->admits = request->admits;
    errand->takes_line = request->takes_line;
    errand->takes_body = request->takes_body;
    errand->context = request->context;
    errand->left = request->answer_limit;
    if (!errand->easy || set_options(errand, request)
        || lib.curl_multi_add_handle(multi->curl, errand->easy) != CURLM_OK) {
        if (errand->easy) lib.curl_easy_cleanup(errand->easy);
        release(errand);
        return 1;
    }
    errand->next = multi->first;
    if (multi->first) multi->first->former = errand;
    multi->first = errand;
    return 0;
}

void gh_curl_work(void *handle, int milliseconds) {
    struct multi *multi = handle;
    int running;
    /* In this order: what ends in the work is taken by the caller before anybody waits. */
    lib.curl_multi_poll(multi->curl, NULL, 0, milliseconds, NULL);
    lib.curl_multi_perform(multi->curl, &running);
}

void gh_curl_wake(void *handle) { lib.curl_multi_wakeup(((struct multi *)handle)->curl); }

void gh_curl_stop(void *handle) {
    struct multi *multi = handle;
    atomic_store(&multi->is_stopping, 1);
    gh_curl_wake(multi);
}

static enum gh_curl_fault fault_of(const struct errand *errand, CURLcode code, long status) {
    /* libcurl tells of a refusal as of a failure to send, or a strange answer. */
    if (errand->answered && code == CURLE_ABORTED_BY_CALLBACK && status < 400) return GH_CURL_NONE;
    if (code == CURLE_ABORTED_BY_CALLBACK && atomic_load(&errand->multi->is_stopping)) return GH_CURL_STOPPED;
    if (errand->text && status >= 400
        && (code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_RECV_ERROR
            || code == CURLE_REMOTE_ACCESS_DENIED))
        return errand->has_named ? GH_CURL_REFUSED : GH_CURL_UNREADY;
    switch (code) {
    case CURLE_OK: return GH_CURL_NONE;
    case CURLE_WRITE_ERROR:
        if (errand->is_too_long) return GH_CURL_TOO_LONG;
        /* Enough of the answer was read. */
        return status ? GH_CURL_NONE : GH_CURL_OTHER;
    case CURLE_COULDNT_RESOLVE_HOST: return GH_CURL_NAME;
    case CURLE_COULDNT_CONNECT: return errand->was_refused ? GH_CURL_ADDRESS : GH_CURL_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: return GH_CURL_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_USE_SSL_FAILED: return GH_CURL_TLS;
    case CURLE_LOGIN_DENIED: return GH_CURL_LOGIN;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: return GH_CURL_ANSWER;
    default: return errand->was_refused ? GH_CURL_ADDRESS : GH_CURL_OTHER;
    }
}

static void describe(struct errand *errand, CURLcode code, struct gh_curl_outcome *outcome) {
    curl_off_t time = 0;
    outcome->context = errand->context;
    outcome->status = 0;
    lib.curl_easy_getinfo(errand->easy, CURLINFO_RESPONSE_CODE, &outcome->status);
    lib.curl_easy_getinfo(errand->easy, CURLINFO_TOTAL_TIME_T, &time);
    outcome->microseconds = time;
    outcome->fault = fault_of(errand, code, outcome->status);
}

int gh_curl_next(void *handle, struct gh_curl_outcome *outcome) {
    struct multi *multi = handle;
    CURLMsg *message;
    int left;
    while ((message = lib.curl_multi_info_read(multi->curl, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        struct errand *errand = NULL;
        CURLcode code = message->data.result;
        lib.curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&errand);
        if (!errand) continue;
        describe(errand, code, outcome);
        forget(multi, errand);
        return 1;
    }
    return 0;
}

int gh_curl_cancel(void *handle, const void *context) {
    struct multi *multi = handle;
    for (struct errand *errand = multi->first; errand; errand = errand->next) {
        if (errand->context != context) continue;
        forget(multi, errand);
        return 1;
    }
    return 0;
}

int gh_curl_abandon(void *handle, struct gh_curl_outcome *outcome) {
    struct multi *multi = handle;
    if (!multi->first) return 0;
    describe(multi->first, CURLE_OPERATION_TIMEDOUT, outcome);
    forget(multi, multi->first);
    return 1;
}

void gh_curl_close(void *handle) {
    struct multi *multi = handle;
    lib.curl_multi_cleanup(multi->curl);
    free(multi);
}
