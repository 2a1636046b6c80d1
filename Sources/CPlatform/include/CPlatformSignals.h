// Signals as bytes in a pipe: what a handler may do is little, so it writes and the program reads.
#ifndef CPLATFORM_SIGNALS_H
#define CPLATFORM_SIGNALS_H

#include <signal.h>
#include <stdint.h>

/// Adds a watcher, of which there may be 16 at a time.
///
/// - signals: the handler writes the number of each signal to it, as a byte. It must not block.
/// - end: an eventfd that becomes readable with a signal whose bit is in `ending` (1 << number).
///
/// Returns the watcher's slot, or -1 where none is free.
int cplatform_signal_watch(int signals, int end, uint64_t ending);

/// Removes the watcher. No handler uses its files from here on.
void cplatform_signal_forget(int slot);

/// What a signal does to the process.
enum cplatform_disposition {
  CPLATFORM_SIGNAL_DEFAULT,
  CPLATFORM_SIGNAL_IGNORED,
  /// It is written to the watchers.
  CPLATFORM_SIGNAL_WATCHED,
  /// Something else of the program's.
  CPLATFORM_SIGNAL_HANDLED,
};
enum cplatform_disposition cplatform_signal_disposition(int signal);

/// Has a signal written to the watchers from here on.
///
/// - restarts: whether system calls that it interrupts go on.
/// - before: what to give to cplatform_signal_restore.
///
/// Returns 0, or -1 and sets errno.
int cplatform_signal_install(int signal, int restarts, struct sigaction *before);
void cplatform_signal_restore(int signal, const struct sigaction *before);

/// The name of a system call whose first argument is a file descriptor, or NULL.
const char *cplatform_file_call_name(long number);

#endif
