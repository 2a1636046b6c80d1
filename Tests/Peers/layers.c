// What `cleanq-bench layers` does, in C: the limit that a compiler reaches with the same work on the same memory.
//
//     layers --payload 64 [--passes layers|once] [--cpu 0] [--seconds 0.5]
//
// 32 frames with a UDP datagram are received (Ethernet and IP addresses, EtherType, version, fragment, hops, lengths, IP and
// UDP checksum verified; headers stripped; what UDP needs to answer written in front), turned round, and transmitted (UDP,
// IP and Ethernet headers with both checksums put in front), memory to memory. Packets are 32-byte descriptors and an
// address, as ours are, which are read and changed in place. `layers` passes over the burst four times, once for each
// layer and direction, as layers do that know nothing of each other; `once` in one loop for each direction. What turning
// round costs at the wire and above is measured alone and taken off. Prints {"unit": "cycles/packet", "value": …}.
#include "common.h"

enum { burst = 32, buffer_bytes = 2112, standard_headroom = 50, metadata_bytes = 32, headers_bytes = 34 };

struct buffer {
    uint8_t *base;
    uint64_t region, offset, extent, content;  // extent: bytes, valid offset; content: valid bytes, marks (bit 32: last)
};

static int payload = 64, cpu = 0, once = 0;
static double seconds = 0.5;
static uint8_t memory[2 * burst * buffer_bytes] __attribute__((aligned(4096)));
static struct buffer stack[burst], bare[burst];

// The peer and this host, as they lie in frames.
static const uint8_t host_mac[6] = {2, 0, 10, 0, 0, 2}, peer_mac[6] = {2, 0, 10, 0, 0, 1};
static const uint8_t host[4] = {10, 0, 0, 2}, peer[4] = {10, 0, 0, 1};
static uint64_t in_start, in_next, in_addresses, out_start, out_next, out_addresses;
static uint32_t out_sum;
static const uint16_t port = 0x0700;  // 7

static inline uint64_t load64(const uint8_t *at) { uint64_t word; memcpy(&word, at, 8); return word; }
static inline uint32_t load32(const uint8_t *at) { uint32_t word; memcpy(&word, at, 4); return word; }
static inline void store64(uint8_t *at, uint64_t word) { memcpy(at, &word, 8); }
static inline void store32(uint8_t *at, uint32_t word) { memcpy(at, &word, 4); }
static inline void store16(uint8_t *at, uint16_t word) { memcpy(at, &word, 2); }

static inline uint64_t plus(uint64_t sum, uint64_t word) {
    uint64_t total;
    return sum + word + __builtin_uaddl_overflow(sum, word, &total);
}

// RFC 1071, in words of 64 bits; of 64 bytes at once in one chain of carries.
static inline uint64_t sum_bytes(uint64_t sum, const uint8_t *at, uint64_t count) {
    for (; count >= 64; count -= 64, at += 64)
        __asm__("addq (%1), %0\n\tadcq 8(%1), %0\n\tadcq 16(%1), %0\n\tadcq 24(%1), %0\n\tadcq 32(%1), %0\n\t"
                "adcq 40(%1), %0\n\tadcq 48(%1), %0\n\tadcq 56(%1), %0\n\tadcq $0, %0"
                : "+r"(sum) : "r"(at), "m"(*(const uint8_t (*)[64])at) : "cc");
    for (; count >= 8; count -= 8, at += 8) sum = plus(sum, load64(at));
    if (count == 0) return sum;
    uint64_t rest = 0;
    for (uint64_t i = 0; i < count; i++) rest |= (uint64_t)at[i] << 8 * i;
    return plus(sum, rest);
}

// Whether 65535 divides a sum that is not 0.
static inline int is_ones(uint64_t sum) { return sum * 0xFFFEFFFEFFFEFFFFu <= 0x0001000100010001u; }

static inline uint16_t fold(uint64_t sum) {
    uint32_t half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);
    return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
}

static inline uint8_t *start_of(const struct buffer *b) { return b->base + b->offset; }
static inline uint64_t headroom_of(const struct buffer *b) { return b->extent >> 32; }
static inline int is_single(const struct buffer *b) { return (uint8_t)(b->content >> 32) == 1; }

static inline void shift(struct buffer *b, int64_t by, uint32_t valid_bytes) {
    b->extent += (uint64_t)by << 32;
    b->content += (uint64_t)valid_bytes - (uint32_t)b->content;
}

static inline int ip_receive(struct buffer *b) {
    uint32_t valid = (uint32_t)b->content;
    if (!is_single(b) || valid < headers_bytes || headroom_of(b) < metadata_bytes) return 0;
    uint8_t *start = start_of(b), *frame = start + headroom_of(b);
    uint64_t addresses = load64(frame + 26);
    uint32_t first = load32(frame + 14), middle = load32(frame + 20);
    if (load64(frame) != in_start || load64(frame + 8) << 8 != in_next || addresses != in_addresses) return 0;
    if ((middle & 0xFF00FF3F) != 17u << 24 || (middle & 0xFF0000) == 0) return 0;
    uint32_t length = __builtin_bswap32(first) & 0xFFFF;
    if (length - 20 > valid - headers_bytes) return 0;
    if (!is_ones(plus(plus(first, load64(frame + 18)), addresses))) return 0;
    store64(start, addresses);
    store32(start + 8, (middle >> 8 & 0xFF00) | 17 | 20u << 24);
    shift(b, headers_bytes, length - 20);
    return 1;
}

static inline int udp_receive(struct buffer *b) {
    uint32_t valid = (uint32_t)b->content;
    if (!is_single(b) || valid < 8 || headroom_of(b) < metadata_bytes) return 0;
    uint8_t *start = start_of(b), *datagram = start + headroom_of(b);
    uint64_t header = load64(datagram);
    uint32_t length = __builtin_bswap16((uint16_t)(header >> 32)), bytes = length - 8;
    if (start[8] != 17 || (uint16_t)(header >> 16) != port || bytes > valid - 8) return 0;
    if (header >> 48 != 0) {
        uint64_t sum = plus(load64(start), (header >> 32 & 0xFFFF) + 0x1100);
        if (!is_ones(sum_bytes(plus(sum, header), datagram + 8, bytes))) return 0;
    }
    store32(start + 12, (uint32_t)header);
    shift(b, 8, bytes);
    return 1;
}

static inline int udp_transmit(struct buffer *b) {
    uint32_t valid = (uint32_t)b->content;
    if (!is_single(b) || valid > 1472 || headroom_of(b) < metadata_bytes + 8 || b->region != 1) return 0;
    uint8_t *start = start_of(b), *bytes = start + headroom_of(b);
    uint64_t length = __builtin_bswap16((uint16_t)(valid + 8)), header = load32(start + 12) | length << 32;
    uint16_t sum = (uint16_t)~fold(sum_bytes(plus(load64(start), header + 0x1100 + length), bytes, valid));
    store64(bytes - 8, header | (uint64_t)(sum == 0 ? 0xFFFF : sum) << 48);
    store32(start + 8, 17 | 64 << 8);
    shift(b, -8, valid + 8);
    return 1;
}

static inline int ip_transmit(struct buffer *b) {
    uint32_t valid = (uint32_t)b->content;
    if (!is_single(b) || valid > 1480 || headroom_of(b) < headers_bytes || b->region != 1) return 0;
    uint8_t *start = start_of(b), *frame = start + headroom_of(b) - headers_bytes;
    uint32_t rest = load32(start + 8);
    if (load64(start) != out_addresses || (rest & 0xFF00) == 0) return 0;
    uint32_t length = __builtin_bswap16((uint16_t)(valid + 20)), hops = __builtin_bswap16((uint16_t)rest);
    uint32_t sum = out_sum + length + hops;
    store64(frame, out_start);
    store64(frame + 8, out_next);
    store64(frame + 16, length | 0x400000 | (uint64_t)hops << 48);
    store16(frame + 24, (uint16_t)~((sum + (sum << 16 | sum >> 16)) >> 16));
    store64(frame + 26, out_addresses);
    shift(b, -headers_bytes, valid + headers_bytes);
    return 1;
}

// A loop of its own for each, so that none is at the expense of another's registers.
#define PASS(name, work) \
    __attribute__((noinline)) static void name(struct buffer *b) { \
        int count = 0; \
        for (int i = 0; i < burst; i++) count += work; \
        if (count != burst) fail("a packet was not usual in " #name); \
    }
PASS(receive_ip, ip_receive(&b[i]))
PASS(receive_udp, udp_receive(&b[i]))
PASS(transmit_udp, udp_transmit(&b[i]))
PASS(transmit_ip, ip_transmit(&b[i]))
PASS(receive_once, ip_receive(&b[i]) && udp_receive(&b[i]))
PASS(transmit_once, udp_transmit(&b[i]) && ip_transmit(&b[i]))

// Swaps the ends of a datagram in its metadata.
static inline int turn_datagram(struct buffer *b) {
    uint8_t *start = start_of(b);
    uint64_t addresses = load64(start);
    uint32_t ports = load32(start + 12);
    store64(start, addresses << 32 | addresses >> 32);
    store32(start + 12, ports << 16 | ports >> 16);
    return headroom_of(b) >= metadata_bytes;
}

// Swaps the Ethernet addresses of a frame.
static inline int turn_frame(struct buffer *b) {
    uint8_t *frame = start_of(b) + headroom_of(b);
    uint32_t to = load32(frame), from = load32(frame + 6);
    uint16_t to_end, from_end;
    memcpy(&to_end, frame + 4, 2);
    memcpy(&from_end, frame + 10, 2);
    store32(frame, from);
    store16(frame + 4, from_end);
    store32(frame + 6, to);
    store16(frame + 10, to_end);
    return (uint32_t)b->content >= 12;
}

// The wire: the frame comes back as an answer.
static inline int turn_wire(struct buffer *b) {
    uint8_t *frame = start_of(b) + headroom_of(b);
    uint64_t addresses = load64(frame + 26);
    uint32_t ports = load32(frame + 34);
    store64(frame + 26, addresses << 32 | addresses >> 32);
    store32(frame + 34, ports << 16 | ports >> 16);
    return turn_frame(b);
}
PASS(echo_datagrams, turn_datagram(&b[i]))
PASS(echo_frames, turn_frame(&b[i]))
PASS(cross_wire, turn_wire(&b[i]))

static void option(const char *name, const char *value) {
    if (strcmp(name, "payload") == 0) payload = (int)integer_option(name, value, 0, 1472);
    else if (strcmp(name, "cpu") == 0) cpu = (int)integer_option(name, value, 0, CPU_SETSIZE - 1);
    else if (strcmp(name, "seconds") == 0) seconds = seconds_option(name, value);
    else if (strcmp(name, "passes") == 0 && strcmp(value, "once") == 0) once = 1;
    else if (strcmp(name, "passes") == 0 && strcmp(value, "layers") == 0) once = 0;
    else fail("unknown option --%s %s", name, value);
}

// The first 16 bytes of a frame to one station from another.
static void start_frame(uint8_t *frame, const uint8_t *to, const uint8_t *from) {
    static const uint8_t type[4] = {8, 0, 0x45, 0};
    memcpy(frame, to, 6);
    memcpy(frame + 6, from, 6);
    memcpy(frame + 12, type, 4);
}

static void prepare(void) {
    uint8_t frame[16], addresses[8];
    start_frame(frame, host_mac, peer_mac);
    memcpy(addresses, peer, 4);
    memcpy(addresses + 4, host, 4);
    in_start = load64(frame), in_next = load64(frame + 8) << 8, in_addresses = load64(addresses);
    start_frame(frame, peer_mac, host_mac);
    out_start = load64(frame), out_next = load64(frame + 8), out_addresses = in_addresses << 32 | in_addresses >> 32;
    out_sum = fold(plus(out_addresses, 0x00400000 + 0x45));
    for (int i = 0; i < 2 * burst; i++) {
        struct buffer *b = i < burst ? &stack[i] : &bare[i - burst];
        uint64_t valid_offset = standard_headroom + headers_bytes + 8;
        *b = (struct buffer){memory, 1, (uint64_t)i * buffer_bytes, buffer_bytes | valid_offset << 32,
                             (uint64_t)payload | 1ull << 32};
        uint8_t *start = start_of(b);
        for (int k = 0; k < payload; k++) start[valid_offset + k] = (uint8_t)(k * 37);
        store64(start, out_addresses);
        store32(start + 12, port | 0xA00Fu << 16);  // to 4000
        if (!udp_transmit(b) || !ip_transmit(b)) fail("no frame could be made");
    }
    cross_wire(stack);
    cross_wire(bare);
}

static void turn_stack(void) {
    if (once) {
        receive_once(stack);
        echo_datagrams(stack);
        transmit_once(stack);
    } else {
        receive_ip(stack);
        receive_udp(stack);
        echo_datagrams(stack);
        transmit_udp(stack);
        transmit_ip(stack);
    }
    cross_wire(stack);
}

static void turn_bare(void) {
    echo_frames(bare);
    cross_wire(bare);
}

int main(int argc, char **argv) {
    enum { turns_at_once = 1000 };
    parse_options(argc, argv, option);
    pin(cpu);
    prepare();
    uint64_t layers = 0, round = 0, turns = 0, end = now_nanoseconds() + (uint64_t)(seconds * 1e9);
    while (now_nanoseconds() < end) {
        uint64_t start = tsc();
        for (int i = 0; i < turns_at_once; i++) turn_stack();
        uint64_t middle = tsc();
        for (int i = 0; i < turns_at_once; i++) turn_bare();
        layers += middle - start;
        round += tsc() - middle;
        turns += turns_at_once;
    }
    printf("{\"unit\": \"cycles/packet\", \"value\": %.3f}\n", ((double)layers - (double)round) / (double)(turns * burst));
    return 0;
}
