/* libmaxminddb, loaded when the first database is opened: a server that has none does without it. Only what is needed
   is here: the country of an address. */
#pragma once
#include <stdint.h>

enum gh_maxmind_fault {
    GH_MAXMIND_NONE,
    GH_MAXMIND_NO_LIBRARY,
    /* The file cannot be opened or read; errno tells why. */
    GH_MAXMIND_NOT_READ,
    /* There is no room for a copy; errno tells why. */
    GH_MAXMIND_NOT_KEPT,
    GH_MAXMIND_NO_DATABASE,
    GH_MAXMIND_NO_COUNTRIES
};

/* Opens a copy of the file that is in memory alone: what becomes of the file does not touch it. NULL on failure. */
void *gh_maxmind_open(const char *path, enum gh_maxmind_fault *fault);
/* Writes the two capital letters of the country; 0 where it is not known. The address has 16 bytes in network order,
   IPv4 as ::ffff:a.b.c.d. From any thread. */
int gh_maxmind_country(const void *database, const uint8_t address[16], uint8_t country[2]);
void gh_maxmind_close(void *database);
