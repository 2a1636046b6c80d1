#include "CPlatform.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

// What the handler looks at: written under the lock, read without one. `end` is stored last and is 0 where there is no range.
struct watch {
  _Atomic uintptr_t end;
  uintptr_t base;
  size_t page_byte_count;
  _Atomic size_t lost_pages;
  _Atomic uint64_t *lost;  // one bit a page
  int is_taken;            // under the lock
};

static struct watch watches[128];
/// A file descriptor and one; 0 where there is none.
static _Atomic int bells[128];
/// Handlers that run at this moment.
static _Atomic int active_handlers;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int watch_count;
static int is_installed;
static struct sigaction former;

_Static_assert(ATOMIC_LONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "the handler takes no lock");

/// Puts a private page, of zeros, where the one went in which `address` is. Returns whether it is in a watched range.
static int replace_page(uintptr_t address) {
  for (int index = 0; index < CPLATFORM_WATCH_CAPACITY; index++) {
    struct watch *watch = &watches[index];
    uintptr_t end = atomic_load_explicit(&watch->end, memory_order_acquire);
    if (end == 0 || address < watch->base || address >= end) continue;
    size_t page = (address - watch->base) / watch->page_byte_count;
    uint64_t bit = (uint64_t)1 << (page % 64);
    // Two threads may fault on one page: the first one replaces it, and the other one, which may come to read zeros that the
    // first is about to write over, only tries its access again. Where that finds no page yet it comes back here.
    if (!(atomic_fetch_or(&watch->lost[page / 64], bit) & bit)) {
      void *place = (void *)(watch->base + page * watch->page_byte_count);
      if (mmap(place, watch->page_byte_count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
          MAP_FAILED)
        return 0;
      atomic_fetch_add(&watch->lost_pages, 1);
    }
    return 1;
  }
  return 0;
}

/// Does what the process did about SIGBUS before.
static void pass_on(int signal, siginfo_t *info, void *context) {
  if (former.sa_flags & SA_SIGINFO) {
    former.sa_sigaction(signal, info, context);
  } else if (former.sa_handler != SIG_DFL && former.sa_handler != SIG_IGN) {
    former.sa_handler(signal);
  } else if (info->si_code > 0) {
    // A fault: the access is made again under the former disposition, and the kernel ends the process at either.
    sigaction(SIGBUS, &former, NULL);
  } else if (former.sa_handler == SIG_DFL) {
    // Somebody sent it. It is delivered when the handler returns.
    sigaction(SIGBUS, &former, NULL);
    raise(SIGBUS);
  }
}

static void handle(int signal, siginfo_t *info, void *context) {
  int number = errno;
  atomic_fetch_add(&active_handlers, 1);
  int is_ours = info->si_code == BUS_ADRERR && replace_page((uintptr_t)info->si_addr);
  if (is_ours) {
    uint64_t one = 1;
    for (int index = 0; index < CPLATFORM_WATCH_CAPACITY; index++) {
      int file = atomic_load_explicit(&bells[index], memory_order_acquire) - 1;
      // A counter that is full is readable already.
      if (file >= 0 && write(file, &one, sizeof one) < 0) continue;
    }
  }
  atomic_fetch_sub(&active_handlers, 1);
  if (!is_ours) pass_on(signal, info, context);
  errno = number;
}

/// Waits until no handler looks at what was taken out before the call.
static void wait_for_handlers(void) {
  while (atomic_load(&active_handlers) > 0) sched_yield();
}

int cplatform_watch(void *base, size_t byte_count, size_t page_byte_count) {
  size_t page_count = byte_count / page_byte_count;
  _Atomic uint64_t *lost = calloc(page_count / 64 + 1, sizeof *lost);
  if (!lost) return -1;
  pthread_mutex_lock(&lock);
  int index = 0;
  while (index < CPLATFORM_WATCH_CAPACITY && watches[index].is_taken) index++;
  int is_possible = index < CPLATFORM_WATCH_CAPACITY;
  if (!is_possible) errno = ENOSPC;
  if (is_possible && !is_installed) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    is_possible = is_installed = sigaction(SIGBUS, &action, &former) == 0;
  }
  if (!is_possible) {
    pthread_mutex_unlock(&lock);
    free((void *)lost);
    return -1;
  }
  struct watch *watch = &watches[index];
  watch_count++;
  watch->is_taken = 1;
  watch->base = (uintptr_t)base;
  watch->page_byte_count = page_byte_count;
  watch->lost = lost;
  atomic_store(&watch->lost_pages, 0);
  // Pairs with the acquire in `replace_page`.
  atomic_store_explicit(&watch->end, (uintptr_t)base + page_count * page_byte_count, memory_order_release);
  pthread_mutex_unlock(&lock);
  return index;
}

void cplatform_watch_end(int index) {
  struct watch *watch = &watches[index];
  pthread_mutex_lock(&lock);
  atomic_store(&watch->end, 0);
  wait_for_handlers();
  free((void *)watch->lost);
  watch->lost = NULL;
  watch->is_taken = 0;
  if (--watch_count == 0) {
    // Another handler that was installed on top of this one stays, and may go on calling it.
    struct sigaction now;
    if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO && now.sa_sigaction == handle)
      is_installed = sigaction(SIGBUS, &former, NULL) != 0;
  }
  pthread_mutex_unlock(&lock);
}

size_t cplatform_watch_lost_pages(int index) { return atomic_load(&watches[index].lost_pages); }

long cplatform_watch_next_lost_page(int index, size_t from) {
  struct watch *watch = &watches[index];
  size_t count = (atomic_load(&watch->end) - watch->base) / watch->page_byte_count;
  for (size_t page = from; page < count; page++)
    if (atomic_load(&watch->lost[page / 64]) >> (page % 64) & 1) return (long)page;
  return -1;
}

void cplatform_watch_restored(int index, size_t page) {
  struct watch *watch = &watches[index];
  uint64_t bit = (uint64_t)1 << (page % 64);
  if (atomic_fetch_and(&watch->lost[page / 64], ~bit) & bit) atomic_fetch_sub(&watch->lost_pages, 1);
}

int cplatform_bell_add(int file) {
  for (int index = 0; index < CPLATFORM_WATCH_CAPACITY; index++) {
    int none = 0;
    if (atomic_compare_exchange_strong(&bells[index], &none, file + 1)) return index;
  }
  errno = ENOSPC;
  return -1;
}

void cplatform_bell_end(int bell) {
  atomic_store(&bells[bell], 0);
  wait_for_handlers();
}
