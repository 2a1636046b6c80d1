// Counts what must not happen per packet: put in front of a program with LD_PRELOAD, it writes how often the program
// allocated, retained, released and locked to the file named in COUNT_CALLS when the program ends.
//
// The wrappers preserve every register that the Swift runtime's own entry points may preserve for their callers.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_ulong allocations, retains, releases, locks;

#define REAL(name, type)                                \
  static __typeof__(type) real;                           \
  if (!real) real = (__typeof__(type))dlsym(RTLD_NEXT, name)

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  return __libc_realloc(memory, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : 12;
}

__attribute__((preserve_most)) void *swift_retain(void *object) {
  REAL("swift_retain", void *(*)(void *));
  if (object) atomic_fetch_add_explicit(&retains, 1, memory_order_relaxed);
  return real(object);
}

__attribute__((preserve_most)) void swift_release(void *object) {
  REAL("swift_release", void (*)(void *));
  if (object) atomic_fetch_add_explicit(&releases, 1, memory_order_relaxed);
  real(object);
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
  REAL("pthread_mutex_lock", int (*)(pthread_mutex_t *));
  atomic_fetch_add_explicit(&locks, 1, memory_order_relaxed);
  return real(mutex);
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("COUNT_CALLS");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "allocations %lu\nretains %lu\nreleases %lu\nlocks %lu\n", allocations, retains, releases, locks);
  fclose(file);
}
