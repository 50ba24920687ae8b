#ifndef C_HASH_MEMORY_H
#define C_HASH_MEMORY_H

#include <stddef.h>

/* libsodium maps the memory of each hash anew and gives it back after: 19 MiB whose pages the kernel clears, counts
 * and frees again take longer than the hash itself. A thread that hashes all day may keep them instead. Linux alone
 * lets a program step between a library and mmap; elsewhere nothing is kept. */

/* Lets the calling thread keep the memory of one hash, up to `most` bytes; 0 ends it. */
void gh_hash_memory_keep(size_t most);

/* Between these two the calling thread's mapping for a hash is served from what it keeps. Whoever asks in between
 * must write before it reads, as Argon2 does: what is lent again is not zero. */
void gh_hash_memory_lend(void);
void gh_hash_memory_take_back(void);

/* Gives what the calling thread keeps to the system. */
void gh_hash_memory_free(void);

/* How many bytes the calling thread keeps. */
size_t gh_hash_memory_kept(void);

#endif
