#include "CPlatform.h"

#include <string.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
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

ssize_t cplatform_receive_without_files(int socket, void *bytes, size_t count, int *closed_count) {
  // Room for the most that the kernel passes at a time (SCM_MAX_FD), so that none is lost uncounted.
  union {
    char bytes[CMSG_SPACE(sizeof(int) * 253)];
    struct cmsghdr aligned;
  } control;
  struct iovec vector = {.iov_base = bytes, .iov_len = count};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received < 0) return received;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t file_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < file_count; index++) {
      int file;
      memcpy(&file, CMSG_DATA(header) + index * sizeof file, sizeof file);
      close(file);
      *closed_count += 1;
    }
  }
  return received;
}
