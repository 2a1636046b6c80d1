// The plain kernel UDP echo server, for reference: recvmmsg and sendmmsg, 32 at a time, on one CPU.
//
//     udp_echo --address 10.9.1.2 --port 7 [--cpu 0]
//
// Runs until a signal ends it.
#include "common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { batch_limit = 32, size_limit = 65536 };

static struct sockaddr_in address = {.sin_family = AF_INET};
static int cpu = -1;

static void option(const char *name, const char *value) {
    if (strcmp(name, "address") == 0) {
        if (inet_pton(AF_INET, value, &address.sin_addr) != 1) fail("--address wants an IPv4 address, found '%s'", value);
    } else if (strcmp(name, "port") == 0) address.sin_port = htons((uint16_t)integer_option(name, value, 1, 65535));
    else if (strcmp(name, "cpu") == 0) cpu = (int)integer_option(name, value, 0, CPU_SETSIZE - 1);
    else fail("unknown option --%s", name);
}

int main(int argc, char **argv) {
    parse_options(argc, argv, option);
    pin(cpu);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket: %s", strerror(errno));
    int buffer_bytes = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("bind: %s", strerror(errno));

    static uint8_t bytes[batch_limit][size_limit];
    static struct sockaddr_in from[batch_limit];
    static struct iovec vector[batch_limit];
    static struct mmsghdr message[batch_limit];
    for (;;) {
        for (unsigned i = 0; i < batch_limit; i++) {
            vector[i] = (struct iovec){bytes[i], size_limit};
            message[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i],
                                                 .msg_iov = &vector[i], .msg_iovlen = 1};
        }
        int got = recvmmsg(fd, message, batch_limit, MSG_WAITFORONE, NULL);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("recvmmsg: %s", strerror(errno));
        for (int i = 0; i < got; i++) vector[i].iov_len = message[i].msg_len;
        for (int done = 0; done < got;) {
            int sent = sendmmsg(fd, message + done, (unsigned)(got - done), 0);
            if (sent < 0 && errno != EINTR) sent = 1;  // that datagram cannot be answered: leave it out
            if (sent > 0) done += sent;
        }
    }
}
