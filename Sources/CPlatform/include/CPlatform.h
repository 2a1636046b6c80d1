// What Swift cannot import from C as it is: macros, inline assembly and Linux calls that hide behind feature-test
// macros. Constants and one-line wrappers only; every decision is taken in Swift.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "CPlatformDevice.h"
#include "CPlatformSharedMemory.h"
#include "CPlatformNetlink.h"
#include "CPlatformSignals.h"

/// The processor's time-stamp counter: cheap, monotonic on one machine, of a fixed but unnamed frequency.
static inline uint64_t cplatform_timestamp(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  uint64_t value;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#endif
}

/// Tells the processor that this is a spin loop.
static inline void cplatform_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ volatile("yield");
#endif
}

/// A hint that the line at `address` will be read soon. Any address is allowed.
static inline void cplatform_prefetch_read(const void *address) { __builtin_prefetch(address); }

/// A hint that the line at `address` will be written soon. Any address is allowed.
static inline void cplatform_prefetch_write(const void *address) {
#if defined(__x86_64__)
  // The compiler makes a plain prefetch of the builtin, since not all processors know this instruction; but to those it is a
  // no-operation.
  __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
  __builtin_prefetch(address, 1);
#endif
}

/// Loads bytes that somebody else may be changing, once each: the compiler neither repeats nor omits the load.
/// `address` needs no alignment.
static inline uint8_t cplatform_fetch_8(const void *address) { return *(const volatile uint8_t *)address; }
static inline uint16_t cplatform_fetch_16(const void *address) {
  struct __attribute__((packed, may_alias)) word {
    uint16_t value;
  };
  return ((const volatile struct word *)address)->value;
}

/// Stores a word as a word: the compiler does not join it with its neighbour. What is stored in pieces of one size and loaded
/// in pieces of another waits in the processor until the stores are done.
static inline void cplatform_store_word(void *address, uint64_t value) {
  typedef uint64_t __attribute__((may_alias)) word;
  *(volatile word *)address = value;
}

/// Two words. The standard library's operators on such a vector go word by word, and LLVM does not make vectors of that.
typedef uint64_t cplatform_word_pair __attribute__((ext_vector_type(2)));
static inline cplatform_word_pair cplatform_set(cplatform_word_pair words, cplatform_word_pair set) { return words | set; }
static inline cplatform_word_pair cplatform_flip(cplatform_word_pair words, cplatform_word_pair flip) { return words ^ flip; }

/// The same number, of which the compiler does not know where it comes from: for where it would take an expression apart that
/// is better as it is.
static inline uint64_t cplatform_opaque(uint64_t value) {
  __asm__("" : "+r"(value));
  return value;
}

/// CLOCK_MONOTONIC in nanoseconds; answered by the vDSO, without a system call.
static inline uint64_t cplatform_monotonic_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/// Bytes of the heap that are in use. malloc.h is not among the headers that Swift imports.
static inline long cplatform_heap_byte_count(void) { return (long)mallinfo2().uordblks; }

static inline int cplatform_memfd_create(const char *name, unsigned int flags) { return memfd_create(name, flags); }

static const unsigned int CPLATFORM_MFD_CLOEXEC = MFD_CLOEXEC;
static const unsigned int CPLATFORM_MFD_ALLOW_SEALING = MFD_ALLOW_SEALING;
/// Seals a memfd: nobody can make it shorter or longer, or take a seal off or add one. Source: [fcntl(2), "File Sealing"].
static inline int cplatform_seal_size(int file) {
  return fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}
static const unsigned int CPLATFORM_MFD_HUGETLB_2MB = MFD_HUGETLB | (21u << 26);
static const int CPLATFORM_MAP_ANONYMOUS = MAP_ANONYMOUS | MAP_PRIVATE;
static const int CPLATFORM_MAP_HUGE_2MB = MAP_HUGETLB | (21 << 26);
static const int CPLATFORM_MADV_HUGEPAGE = MADV_HUGEPAGE;
/// MADV_POPULATE_WRITE, of Linux 5.14, which older headers lack.
static const int CPLATFORM_MADV_POPULATE_WRITE = 23;
/// mremap is variadic in C. Moves a mapping to `place`, over any mapping there.
static inline void *cplatform_move_mapping(void *from, size_t byte_count, void *place) {
  return mremap(from, byte_count, byte_count, MREMAP_MAYMOVE | MREMAP_FIXED, place);
}

/// Ties the calling thread to one CPU. Returns 0 or an errno.
static inline int cplatform_pin_current_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/// The number by which the kernel knows the calling thread.
static inline int cplatform_thread_number(void) { return gettid(); }

/// 1 where the calling thread may run on `cpu`, else 0.
static inline int cplatform_cpu_is_allowed(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  return CPU_ISSET((size_t)cpu, &set) ? 1 : 0;
}

// linux/if_tun.h: the request numbers are _IO macros, which Swift does not import.
static const unsigned long CPLATFORM_TUNSETIFF = TUNSETIFF;
static const unsigned long CPLATFORM_TUNSETPERSIST = TUNSETPERSIST;
static const unsigned long CPLATFORM_TUNSETOFFLOAD = TUNSETOFFLOAD;
static const unsigned long CPLATFORM_TUNSETVNETHDRSZ = TUNSETVNETHDRSZ;
static const short CPLATFORM_IFF_VNET_HDR = IFF_VNET_HDR;
/// TUN_F_CSUM, TUN_F_USO4 and TUN_F_USO6, of which older headers lack the latter two.
static const unsigned long CPLATFORM_TUN_UDP_SEGMENTS = 0x01 | 0x20 | 0x40;

/// ioctl is variadic in C; these two forms are the ones in use.
static inline int cplatform_ioctl_pointer(int fd, unsigned long request, void *argument) {
  return ioctl(fd, request, argument);
}
static inline int cplatform_ioctl_value(int fd, unsigned long request, unsigned long argument) {
  return ioctl(fd, request, argument);
}

// Paths. In shim.c.
/// Whether an open file, also one that is open as a path only, is on procfs.
int cplatform_is_on_procfs(int fd);
/// open: the file as a path only, a symbolic link itself. Source: asm-generic/fcntl.h.
static const int CPLATFORM_O_PATH = 010000000;

// Messages with files on a Unix socket: the CMSG macros. In shim.c.
/// The most files that one message carries.
static const int CPLATFORM_MAXIMUM_FILES = 16;
/// poll: the other side has closed, or shut down, its half of a stream.
static const int CPLATFORM_POLLRDHUP = POLLRDHUP;
/// sendmsg without SIGPIPE, with up to CPLATFORM_MAXIMUM_FILES files. Returns the bytes sent, or -1.
ssize_t cplatform_send_with_files(int socket, const void *bytes, size_t count, const int *files, int file_count);
/// recvmsg without room for files, so that none reaches this process. Sets `had_files` to 1 where some came along: the kernel closes
/// them before the call returns, and that may wait (SO_LINGER). Returns the bytes received, 0 at the end, or -1.
ssize_t cplatform_receive_without_files(int socket, void *bytes, size_t count, int *had_files);

// Eventfds that another process also has. O_NONBLOCK is a flag of the open file description, which that process can change, so
// neither read(2) nor write(2) is safe. In shim.c.
/// Takes the count of an eventfd. Never waits, with any flags (Linux 5.8). Returns 8, or -1.
ssize_t cplatform_event_take(int file, uint64_t *count);
/// Makes a context of the kernel's asynchronous I/O for up to `capacity` completions. Returns 0, or -1.
int cplatform_completion_create(unsigned int capacity, unsigned long *context);
void cplatform_completion_destroy(unsigned long context);
/// Reads no bytes of `source` asynchronously; the completion adds 1 to the eventfd. Returns 1, or -1 with EAGAIN where the context
/// is full of completions.
int cplatform_completion_signal(unsigned long context, int source, int event_file);
/// Takes completions out of the context, without waiting.
void cplatform_completion_reap(unsigned long context);

/// read(2) that does not wait, with any flags of the file: -1 and EAGAIN where it would, EOPNOTSUPP for files that cannot.
ssize_t cplatform_read_now(int file, void *bytes, size_t count);

/// fopencookie: a stdio stream, for reading, of what `read` gives, which is called with `cookie`. Returns a FILE, or NULL. stdio.h is
/// not among the headers that Swift imports from here.
void *cplatform_open_reader(void *cookie, ssize_t (*read)(void *cookie, char *bytes, size_t count));

// epoll: the event structure is packed and its flags are an enumeration. In shim.c, because sys/epoll.h in this header
// disturbs how Swift imports sys/select.h.
/// A new epoll set, closed on exec, or -1.
int cplatform_epoll_create(void);
/// Adds `fd` to the set, to be watched for reading.
int cplatform_epoll_watch(int set, int fd);
/// Takes `fd` out of the set.
int cplatform_epoll_forget(int set, int fd);

#endif
