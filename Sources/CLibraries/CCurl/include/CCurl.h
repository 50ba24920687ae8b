/* libcurl, loaded when the first request leaves the server: it brings many libraries and their memory with it, which a
   server that sends nothing does without. Only what is needed is here: requests of HTTP that are connected to an address
   that the caller has admitted, and whose answers are handed on as they come; and mail, by SMTP. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Whether a connection may be made to this address: 4 or 16 bytes in network order. */
typedef int (*gh_curl_admits)(void *context, const uint8_t *address, size_t size);
/* Hands on a part of an answer. */
typedef void (*gh_curl_takes)(void *context, const uint8_t *bytes, size_t size);

/* What a message of SMTP needs besides its text, which is the body of the request. */
struct gh_curl_mail {
    const char *sender;
    const char *recipient;
    /* NULL where the server asks for none. */
    const char *user;
    const char *password;
    /* With smtp: whether STARTTLS must succeed before anything is said. */
    int starts_tls;
};

struct gh_curl_request {
    const char *url;
    /* NULL for a request of HTTP. */
    const struct gh_curl_mail *mail;
    const char *const *headers;
    size_t header_count;
    int is_get;
    const char *body;
    size_t body_size;
    /* NULL for the certificates of the system. */
    const char *ca_file;
    int allows_http;
    /* Whether a connection of an earlier request may be used, and this one's by a later. Its address was admitted for
       the request that made it. */
    int reuses;
    long connect_milliseconds;
    long milliseconds;
    /* So much of an answer is read, and no more. */
    size_t answer_limit;
    gh_curl_admits admits;
    /* Get the lines of the head, each whole, and the bytes of the body. With NULL nothing is kept, and an answer above
       the limit is as good as one below it. */
    gh_curl_takes takes_line;
    gh_curl_takes takes_body;
    /* Handed to the functions, and back in the outcome. It must live until then. */
    void *context;
};

enum gh_curl_fault {
    GH_CURL_NONE,
    GH_CURL_NAME,
    GH_CURL_ADDRESS,
    GH_CURL_CONNECT,
    GH_CURL_TLS,
    GH_CURL_TIMEOUT,
    GH_CURL_ANSWER,
    GH_CURL_TOO_LONG,
    /* Name or password. */
    GH_CURL_LOGIN,
    /* The server of mail says no to the message or whom it is for; the status says for how long. */
    GH_CURL_REFUSED,
    /* The server of mail says no before it has heard whom the message is for. */
    GH_CURL_UNREADY,
    GH_CURL_STOPPED,
    GH_CURL_OTHER
};

struct gh_curl_outcome {
    void *context;
    enum gh_curl_fault fault;
    /* 0 where no answer came. */
    long status;
    int64_t microseconds;
};

/* Loads the library; 0 on success. To be called before anything else here, as often as one likes. */
int gh_curl_load(void);

/* What holds the requests under way. All but gh_curl_wake and gh_curl_stop is for one thread. NULL on failure. */
void *gh_curl_open(void);
/* Starts a request, whose strings are copied. 0 on success; on failure the context is not handed back. */
int gh_curl_start(void *multi, const struct gh_curl_request *request);
/* Waits until there is work, for so long at most, and does it. */
void gh_curl_work(void *multi, int milliseconds);
/* Makes gh_curl_work return. From any thread. */
void gh_curl_wake(void *multi);
/* Makes gh_curl_work return though a server is slow to answer, and gives up what waits for it. From any thread. */
void gh_curl_stop(void *multi);
/* Gives a request that has ended; 0 where there is none. */
int gh_curl_next(void *multi, struct gh_curl_outcome *outcome);
/* Gives up the request with this context; 0 where it is not under way. */
int gh_curl_cancel(void *multi, const void *context);
/* Gives up a request under way; 0 where there is none. */
int gh_curl_abandon(void *multi, struct gh_curl_outcome *outcome);
void gh_curl_close(void *multi);
