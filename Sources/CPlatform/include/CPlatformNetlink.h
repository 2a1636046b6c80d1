// rtnetlink: the numbers of linux/rtnetlink.h, which Swift does not import.
#ifndef CPLATFORM_NETLINK_H
#define CPLATFORM_NETLINK_H

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdint.h>

// sys/socket.h is not included: its fd_set, with _GNU_SOURCE, is another than the one that Swift imports.
static const int CPLATFORM_AF_NETLINK = 16;
static const int CPLATFORM_NETLINK_ROUTE = NETLINK_ROUTE;

static const uint16_t CPLATFORM_NLMSG_ERROR = NLMSG_ERROR;
static const uint16_t CPLATFORM_NLMSG_DONE = NLMSG_DONE;
static const uint16_t CPLATFORM_NLM_F_REQUEST = NLM_F_REQUEST;
static const uint16_t CPLATFORM_NLM_F_ACK = NLM_F_ACK;
static const uint16_t CPLATFORM_NLM_F_DUMP = NLM_F_DUMP;
static const uint16_t CPLATFORM_NLM_F_CREATE = NLM_F_CREATE;
static const uint16_t CPLATFORM_NLM_F_EXCL = NLM_F_EXCL;

static const uint16_t CPLATFORM_RTM_NEWLINK = RTM_NEWLINK;
static const uint16_t CPLATFORM_RTM_GETLINK = RTM_GETLINK;
static const uint16_t CPLATFORM_RTM_NEWADDR = RTM_NEWADDR;
static const uint16_t CPLATFORM_RTM_DELADDR = RTM_DELADDR;
static const uint16_t CPLATFORM_RTM_GETADDR = RTM_GETADDR;

static const uint16_t CPLATFORM_IFLA_IFNAME = IFLA_IFNAME;
static const uint16_t CPLATFORM_IFLA_MASTER = IFLA_MASTER;
static const uint16_t CPLATFORM_IFLA_LINKINFO = IFLA_LINKINFO;
static const uint16_t CPLATFORM_IFLA_INFO_KIND = IFLA_INFO_KIND;
static const uint16_t CPLATFORM_IFA_ADDRESS = IFA_ADDRESS;
static const uint16_t CPLATFORM_IFA_LOCAL = IFA_LOCAL;
static const uint16_t CPLATFORM_IFA_BROADCAST = IFA_BROADCAST;

#endif
