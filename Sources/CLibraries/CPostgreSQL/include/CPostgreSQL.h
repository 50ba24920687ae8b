/* libpq, loaded when the first connection is wanted: it brings LDAP, Kerberos and their memory with it, which a server
   on SQLite does without. The functions have their own names and stand in postgresql.c. */
#pragma once
#if __has_include(<libpq-fe.h>)
#include <libpq-fe.h>
#else
#include <postgresql/libpq-fe.h>
#endif

/* Loads the library; 0 on success. To be called before anything else here, as often as one likes. */
int gh_load_libpq(void);
