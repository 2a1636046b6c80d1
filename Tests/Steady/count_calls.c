// Counts what must not happen per packet: put in front of a program with LD_PRELOAD, it writes how often the program
// allocated, retained, released and locked to the file named in COUNT_CALLS when the program ends.
//
// A lock of Swift's own (Mutex) that is free is taken by an instruction, not a call: check-fused looks for those.
//
// The wrappers preserve every register that the Swift runtime's own entry points may preserve for their callers.
#ifndef __clang__
#error "wants the Swift toolchain's clang: gcc knows no preserve_most, and without it the counted program goes wrong"
#endif
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { allocations, retains, releases, locks, kinds };

// Of all threads but the one that starts and ends the program: a pipeline runs on threads of its own, while that one may still be
// busy with the start, or looks now and then whether the end has come.
static atomic_ulong calls[kinds];
static _Thread_local int is_first __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void mark_first_thread(void) { is_first = 1; }

static void tally(enum kind kind, unsigned long n) {
  if (!is_first) atomic_fetch_add_explicit(&calls[kind], n, memory_order_relaxed);
}

#define REAL(name, type)                                \
  static __typeof__(type) real;                           \
  if (!real) real = (__typeof__(type))dlsym(RTLD_NEXT, name)

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  tally(allocations, 1);
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  tally(allocations, 1);
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  tally(allocations, 1);
  return __libc_realloc(memory, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  tally(allocations, 1);
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : 12;
}

void *aligned_alloc(size_t alignment, size_t size) {
  tally(allocations, 1);
  return __libc_memalign(alignment, size);
}

// The runtime's entry points for counting references, in all the forms that the compiler calls.
#define RETAIN(name)                                                           \
  __attribute__((preserve_most)) void *name(void *object) {                    \
    REAL(#name, void *(*)(void *));                                            \
    if (object) tally(retains, 1);                                             \
    return real(object);                                                       \
  }
#define RELEASE(name)                                                          \
  __attribute__((preserve_most)) void name(void *object) {                     \
    REAL(#name, void (*)(void *));                                             \
    if (object) tally(releases, 1);                                            \
    real(object);                                                              \
  }

RETAIN(swift_retain)
RETAIN(swift_bridgeObjectRetain)
RELEASE(swift_release)
RELEASE(swift_bridgeObjectRelease)

__attribute__((preserve_most)) void *swift_retain_n(void *object, unsigned count) {
  REAL("swift_retain_n", void *(*)(void *, unsigned));
  if (object) tally(retains, count);
  return real(object, count);
}

__attribute__((preserve_most)) void swift_release_n(void *object, unsigned count) {
  REAL("swift_release_n", void (*)(void *, unsigned));
  if (object) tally(releases, count);
  real(object, count);
}

#define LOCK(name, type)                                            \
  int name(type *lock) {                                            \
    REAL(#name, int (*)(type *));                                   \
    tally(locks, 1);                                                 \
    return real(lock);                                              \
  }

LOCK(pthread_mutex_lock, pthread_mutex_t)
LOCK(pthread_mutex_trylock, pthread_mutex_t)
LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
LOCK(pthread_spin_lock, pthread_spinlock_t)

// The counts so far, in the order of the report: for a program that looks for this symbol.
void count_calls_now(unsigned long counts[kinds]) {
  for (int kind = 0; kind < kinds; kind++) counts[kind] = calls[kind];
}

__attribute__((destructor)) static void report(void) {
  static const char *const names[kinds] = {"allocations", "retains", "releases", "locks"};
  const char *path = getenv("COUNT_CALLS");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  for (int kind = 0; kind < kinds; kind++) fprintf(file, "%s %lu\n", names[kind], calls[kind]);
  fclose(file);
}
