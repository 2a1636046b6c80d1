#include "CPlatform.h"

#include <linux/aio_abi.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <linux/magic.h>

// Layouts that Swift code relies on are pinned here.
_Static_assert(sizeof(void *) == 8, "CleanQ is written for 64-bit machines");

// linux/vfio.h: what Swift reads as an array of 32-bit words, or at an offset.
_Static_assert(offsetof(struct vfio_irq_set, data) == 20, "five words, then the data");
_Static_assert(offsetof(struct vfio_iommu_type1_info, cap_offset) == 16, "offset of the capability chain");
_Static_assert(sizeof(struct vfio_info_cap_header) == 8, "header of a capability");
_Static_assert(offsetof(struct vfio_iommu_type1_info_cap_iova_range, nr_iovas) == 8, "count of ranges");
_Static_assert(offsetof(struct vfio_iommu_type1_info_cap_iova_range, iova_ranges) == 16, "the ranges");
_Static_assert(sizeof(struct vfio_iova_range) == 16, "first and last address");
_Static_assert(sizeof(struct vfio_iommu_type1_dma_unmap) == 24, "no data of its own");

// linux/rtnetlink.h: the headers that Swift builds and reads by offset.
_Static_assert(sizeof(struct nlmsghdr) == 16 && offsetof(struct nlmsghdr, nlmsg_seq) == 8, "header of a message");
_Static_assert(sizeof(struct nlmsgerr) == 20, "error and the header of the request");
_Static_assert(sizeof(struct rtattr) == 4, "header of an attribute");
_Static_assert(sizeof(struct ifinfomsg) == 16 && offsetof(struct ifinfomsg, ifi_index) == 4, "a link");
_Static_assert(sizeof(struct ifaddrmsg) == 8 && offsetof(struct ifaddrmsg, ifa_index) == 4, "an address");

int cplatform_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int cplatform_epoll_watch(int set, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
  return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

int cplatform_epoll_forget(int set, int fd) { return epoll_ctl(set, EPOLL_CTL_DEL, fd, 0); }

int cplatform_is_on_procfs(int fd) {
  struct statfs system;
  return fstatfs(fd, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

ssize_t cplatform_send_with_files(int socket, const void *bytes, size_t count, const int *files, int file_count) {
  union {
    char bytes[CMSG_SPACE(sizeof(int) * 16)];
    struct cmsghdr aligned;
  } control;
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (file_count < 0 || file_count > CPLATFORM_MAXIMUM_FILES) {
    errno = EINVAL;
    return -1;
  }
  if (file_count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)file_count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)file_count);
    memcpy(CMSG_DATA(header), files, sizeof(int) * (size_t)file_count);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t cplatform_receive_without_files(int socket, void *bytes, size_t count, int *had_files) {
  struct iovec vector = {.iov_base = bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  ssize_t received = recvmsg(socket, &message, MSG_DONTWAIT);
  if (received >= 0 && message.msg_flags & MSG_CTRUNC) *had_files = 1;
  return received;
}

ssize_t cplatform_read_now(int file, void *bytes, size_t count) {
  struct iovec vector = {.iov_base = bytes, .iov_len = count};
  return preadv2(file, &vector, 1, -1, RWF_NOWAIT);
}

ssize_t cplatform_event_take(int file, uint64_t *count) { return cplatform_read_now(file, count, sizeof *count); }

void *cplatform_open_reader(void *cookie, ssize_t (*read)(void *cookie, char *bytes, size_t count)) {
  return fopencookie(cookie, "r", (cookie_io_functions_t){.read = read});
}

int cplatform_completion_create(unsigned int capacity, unsigned long *context) {
  *context = 0;
  return (int)syscall(SYS_io_setup, capacity, context);
}

void cplatform_completion_destroy(unsigned long context) { syscall(SYS_io_destroy, context); }

int cplatform_completion_signal(unsigned long context, int source, int event_file) {
  struct iocb block = {
      .aio_lio_opcode = IOCB_CMD_PREAD,
      .aio_fildes = (uint32_t)source,
      .aio_flags = IOCB_FLAG_RESFD,
      .aio_resfd = (uint32_t)event_file,
  };
  struct iocb *blocks = &block;
  return (int)syscall(SYS_io_submit, context, 1, &blocks);
}

void cplatform_completion_reap(unsigned long context) {
  struct io_event events[64];
  struct timespec none = {0, 0};
  syscall(SYS_io_getevents, context, 0, 64, events, &none);
}
