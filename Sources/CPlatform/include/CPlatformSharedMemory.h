// Memory that another process maps too, and whose pages it can take away: a hole punched into a hugetlb memfd is a SIGBUS
// once the pool has no page left. While a range is watched, a handler puts a private page in place of the one that went,
// counts it, and rings bells, so that those who share the memory end that peer's queues. In shared_memory.c.
#ifndef CPLATFORM_SHARED_MEMORY_H
#define CPLATFORM_SHARED_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// How many ranges can be watched at a time, and how many bells there can be.
static const int CPLATFORM_WATCH_CAPACITY = 128;

/// Watches whole pages from `base` on. The first call installs the handler of SIGBUS. Returns a number for the other calls, or
/// -1 with `errno`: ENOSPC where CPLATFORM_WATCH_CAPACITY ranges are watched.
int cplatform_watch(void *base, size_t byte_count, size_t page_byte_count);

/// Ends what cplatform_watch began; to be called before the range is unmapped. No handler looks at the range, or rings a bell
/// for it, when this returns. The last call puts the former disposition of SIGBUS back.
void cplatform_watch_end(int watch);

/// How many pages of the range are private ones now, put there in place of those that went.
size_t cplatform_watch_lost_pages(int watch);

/// The first page from number `from` on that was replaced, or -1.
long cplatform_watch_next_lost_page(int watch, size_t from);

/// The page is shared again.
void cplatform_watch_restored(int watch, size_t page);

/// Writes to an eventfd, which must not block, whenever a page of any watched range is replaced. The descriptor must not be one
/// that another process has. Returns a number for the call that ends it, or -1 with `errno`.
int cplatform_bell_add(int file);

/// No handler writes to the bell's file when this returns.
void cplatform_bell_end(int bell);

#endif
