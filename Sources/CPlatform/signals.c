#include "CPlatformSignals.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { watcher_count = 16 };

static struct {
  /// 0 free, 1 being filled, 2 in use.
  atomic_int state;
  int signals;
  int end;
  uint64_t ending;
} watchers[watcher_count];

/// Handlers that are at work: a watcher's files are not closed before there is none.
static atomic_int handler_count;

static void handle(int signal) {
  int saved = errno;
  atomic_fetch_add(&handler_count, 1);
  for (int slot = 0; slot < watcher_count; slot++) {
    if (atomic_load(&watchers[slot].state) != 2) continue;
    uint8_t byte = (uint8_t)signal;
    uint64_t one = 1;
    // A pipe that is full has more signals than anybody will read.
    if (write(watchers[slot].signals, &byte, 1) < 0) continue;
    if (watchers[slot].ending >> signal & 1 && write(watchers[slot].end, &one, sizeof one) < 0) continue;
  }
  atomic_fetch_sub(&handler_count, 1);
  errno = saved;
}

int cplatform_signal_watch(int signals, int end, uint64_t ending) {
  for (int slot = 0; slot < watcher_count; slot++) {
    int unused = 0;
    if (!atomic_compare_exchange_strong(&watchers[slot].state, &unused, 1)) continue;
    watchers[slot].signals = signals;
    watchers[slot].end = end;
    watchers[slot].ending = ending;
    atomic_store(&watchers[slot].state, 2);
    return slot;
  }
  return -1;
}

void cplatform_signal_forget(int slot) {
  if (slot < 0 || slot >= watcher_count) return;
  atomic_store(&watchers[slot].state, 1);
  while (atomic_load(&handler_count) > 0) sched_yield();
  atomic_store(&watchers[slot].state, 0);
}

enum cplatform_disposition cplatform_signal_disposition(int signal) {
  struct sigaction action;
  if (sigaction(signal, NULL, &action) != 0) return CPLATFORM_SIGNAL_HANDLED;
  if (action.sa_flags & SA_SIGINFO) return CPLATFORM_SIGNAL_HANDLED;
  if (action.sa_handler == SIG_DFL) return CPLATFORM_SIGNAL_DEFAULT;
  if (action.sa_handler == SIG_IGN) return CPLATFORM_SIGNAL_IGNORED;
  return action.sa_handler == handle ? CPLATFORM_SIGNAL_WATCHED : CPLATFORM_SIGNAL_HANDLED;
}

int cplatform_signal_install(int signal, int restarts, struct sigaction *before) {
  struct sigaction action = {.sa_handler = handle, .sa_flags = restarts ? SA_RESTART : 0};
  sigfillset(&action.sa_mask);
  return sigaction(signal, &action, before);
}

void cplatform_signal_restore(int signal, const struct sigaction *before) { sigaction(signal, before, NULL); }

const char *cplatform_file_call_name(long number) {
  switch (number) {
    case SYS_read: return "read";
    case SYS_readv: return "readv";
    case SYS_pread64: return "pread";
    case SYS_write: return "write";
    case SYS_writev: return "writev";
    case SYS_pwrite64: return "pwrite";
    case SYS_fsync: return "fsync";
    case SYS_fdatasync: return "fdatasync";
    case SYS_ioctl: return "ioctl";
    case SYS_close: return "close";
    case SYS_sendmsg: return "sendmsg";
    case SYS_sendto: return "send";
    case SYS_recvmsg: return "recvmsg";
    case SYS_recvfrom: return "recv";
    case SYS_connect: return "connect";
    case SYS_flock: return "flock";
    case SYS_io_uring_enter: return "io_uring_enter";
    default: return NULL;
  }
}
