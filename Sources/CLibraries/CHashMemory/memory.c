#define _GNU_SOURCE
#include "CHashMemory.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One block of each thread, on whole huge pages, so that the processor finds its way in it without a walk. */
static _Thread_local struct {
    void *mapping, *block;
    size_t mapped, size, most;
    bool is_lent_out, lends;
} kept;

enum { huge_page = 2 << 20, least = 1 << 20 };

void gh_hash_memory_free(void) {
    if (!kept.mapping || kept.is_lent_out) return;
    munmap(kept.mapping, kept.mapped);
    kept.mapping = kept.block = NULL;
    kept.mapped = kept.size = 0;
}

void gh_hash_memory_keep(size_t most) {
    kept.most = most;
    if (kept.size > most) gh_hash_memory_free();
}

void gh_hash_memory_lend(void) { kept.lends = true; }

void gh_hash_memory_take_back(void) { kept.lends = false; }

size_t gh_hash_memory_kept(void) { return kept.size; }

#if defined(__linux__) && defined(__LP64__)

static void *map(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    return (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
}

static void *lend(size_t size) {
    if (size > kept.size) {
        gh_hash_memory_free();
        size_t whole = (size + huge_page - 1) / huge_page * huge_page, mapped = whole + huge_page;
        void *mapping = map(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapping == MAP_FAILED) return MAP_FAILED;
        uintptr_t aligned = ((uintptr_t)mapping + huge_page - 1) / huge_page * huge_page;
        kept.mapping = mapping, kept.mapped = mapped;
        kept.block = (void *)aligned, kept.size = whole;
        madvise(kept.block, whole, MADV_HUGEPAGE);
    }
    kept.is_lent_out = true;
    return kept.block;
}

/* These two stand before libc's for every library of the process, and do the same but for a hash. */

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    bool is_for_hash = kept.lends && !kept.is_lent_out && !address && size >= least && size <= kept.most
        && flags & MAP_ANONYMOUS && flags & MAP_PRIVATE && protection == (PROT_READ | PROT_WRITE);
    return is_for_hash ? lend(size) : map(address, size, protection, flags, file, offset);
}

int munmap(void *address, size_t size) {
    if (kept.is_lent_out && address == kept.block) {
        kept.is_lent_out = false;
        return 0;
    }
    return (int)syscall(SYS_munmap, address, size);
}

#endif
