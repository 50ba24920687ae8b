#include "CPostgreSQL.h"
#include <dlfcn.h>
#include <pthread.h>

/* X(type, name, parameters, arguments): every function that the driver calls. */
#define FUNCTIONS \
    X(PGconn *, PQconnectStartParams, (const char *const *k, const char *const *v, int e), (k, v, e)) \
    X(PGresult *, PQexec, (PGconn *c, const char *q), (c, q)) \
    X(PQnoticeProcessor, PQsetNoticeProcessor, (PGconn *c, PQnoticeProcessor p, void *a), (c, p, a)) \
    X(ConnStatusType, PQstatus, (const PGconn *c), (c)) \
    X(char *, PQerrorMessage, (const PGconn *c), (c)) \
    X(int, PQsocket, (const PGconn *c), (c)) \
    X(int, PQsetnonblocking, (PGconn *c, int a), (c, a)) \
    X(int, PQenterPipelineMode, (PGconn *c), (c)) \
    X(int, PQsendQueryParams, \
      (PGconn *c, const char *q, int n, const Oid *t, const char *const *v, const int *l, const int *f, int r), \
      (c, q, n, t, v, l, f, r)) \
    X(int, PQsendPrepare, (PGconn *c, const char *s, const char *q, int n, const Oid *t), (c, s, q, n, t)) \
    X(int, PQsendQueryPrepared, \
      (PGconn *c, const char *s, int n, const char *const *v, const int *l, const int *f, int r), \
      (c, s, n, v, l, f, r)) \
    X(int, PQpipelineSync, (PGconn *c), (c)) \
    X(int, PQflush, (PGconn *c), (c)) \
    X(int, PQconsumeInput, (PGconn *c), (c)) \
    X(int, PQisBusy, (PGconn *c), (c)) \
    X(PGresult *, PQgetResult, (PGconn *c), (c)) \
    X(PGnotify *, PQnotifies, (PGconn *c), (c)) \
    X(ExecStatusType, PQresultStatus, (const PGresult *r), (r)) \
    X(char *, PQresultErrorField, (const PGresult *r, int f), (r, f)) \
    X(int, PQntuples, (const PGresult *r), (r)) \
    X(int, PQnfields, (const PGresult *r), (r)) \
    X(Oid, PQftype, (const PGresult *r, int c), (r, c)) \
    X(int, PQgetisnull, (const PGresult *r, int l, int c), (r, l, c)) \
    X(int, PQgetlength, (const PGresult *r, int l, int c), (r, l, c)) \
    X(char *, PQgetvalue, (const PGresult *r, int l, int c), (r, l, c))

/* Those that give nothing back. */
#define PROCEDURES \
    X(PQreset, (PGconn *c), (c)) \
    X(PQfinish, (PGconn *c), (c)) \
    X(PQclear, (PGresult *r), (r)) \
    X(PQfreemem, (void *p), (p))

#define X(type, name, parameters, arguments) \
    static type(*loaded_##name) parameters; \
    type name parameters { return loaded_##name arguments; }
FUNCTIONS
#undef X
#define X(name, parameters, arguments) \
    static void(*loaded_##name) parameters; \
    void name parameters { loaded_##name arguments; }
PROCEDURES
#undef X

static int failed = 1;

static void load(void) {
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    int missing = 0;
#define X(type, name, parameters, arguments) missing |= !(*(void **)&loaded_##name = dlsym(library, #name));
    FUNCTIONS
#undef X
#define X(name, parameters, arguments) missing |= !(*(void **)&loaded_##name = dlsym(library, #name));
    PROCEDURES
#undef X
    failed = missing;
}

int gh_load_libpq(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return failed;
}
