/* What Swift cannot call as it is: macros, unions and inline functions of the C library. */
#pragma once
#include "CLibrary.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* Listening socket on a numeric IPv4 or IPv6 address; -1 with errno set on failure. */
int gh_listen(const char *address, uint16_t port, int backlog);
/* Port that the socket is bound to; 0 on failure. */
uint16_t gh_local_port(int fd);
/* Accepts one connection, non-blocking. Writes the peer as 16 bytes (IPv4 as ::ffff:a.b.c.d) and its port. */
int gh_accept(int listener, uint8_t peer[16], uint16_t *port);
int gh_epoll_add(int epoll, int fd, uint32_t events, uint64_t tag);
int gh_epoll_change(int epoll, int fd, uint32_t events, uint64_t tag);
/* The event loop whose thread this is; NULL where it is none's. */
void gh_set_current_loop(void *loop);
void *gh_current_loop(void);
void gh_wake(int event_fd);
void gh_clear_wake(int event_fd);
const void *gh_find(const void *haystack, size_t n, const void *needle, size_t m);
/* Fills the buffer from the kernel; 0 on success. */
int gh_random(void *buffer, size_t n);
/* Raises the number of descriptors that the process may have to what it may ask for; returns it. */
long gh_raise_descriptor_limit(void);
/* Names the calling thread (15 bytes at most) and lowers its priority by `niceness`. */
void gh_thread_start(const char *name, int niceness);
/* Takes the code and constants of the program and its libraries out of the process. They stay in the system's cache of
   files, and what is used comes back by itself, a few pages at a time. */
void gh_return_code(void);
