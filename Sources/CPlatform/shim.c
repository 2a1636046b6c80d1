#include "CPlatform.h"

#include <sys/epoll.h>

// The package manager wants one C file in a C target; layouts that Swift code relies on are pinned here.
_Static_assert(sizeof(void *) == 8, "CleanQ is written for 64-bit machines");

int cplatform_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int cplatform_epoll_watch(int set, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
  return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

int cplatform_epoll_forget(int set, int fd) { return epoll_ctl(set, EPOLL_CTL_DEL, fd, 0); }
