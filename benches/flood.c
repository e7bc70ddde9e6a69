// Sends TCP frames out of an interface as fast as it takes them, through sendmmsg on a packet socket: benches/live.sh.
// usage: flood IFACE SECONDS SENDER    prints how many frames were accepted. Each sender has 500 connections of its own.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 256, CONNECTIONS = 500, PAYLOAD = 200, FRAME = 14 + 20 + 20 + PAYLOAD };

static unsigned char frames[BATCH][FRAME];

static void fill(unsigned char *f, unsigned sender, unsigned number) {
    uint16_t source = htons(20000 + number % CONNECTIONS), target = htons(8080), total = htons(FRAME - 14);
    uint32_t from = htonl(0x0a000100 + sender), to = htonl(0x0a000002);
    uint32_t seq = htonl(number / CONNECTIONS * PAYLOAD), ack = htonl(1);
    memset(f, 2, 12);
    f[12] = 8, f[13] = 0, f[14] = 0x45, f[15] = 0;
    memcpy(f + 16, &total, 2);
    f[18] = number >> 8, f[19] = number, f[20] = 0x40, f[21] = 0, f[22] = 64, f[23] = 6, f[24] = f[25] = 0;
    memcpy(f + 26, &from, 4), memcpy(f + 30, &to, 4);
    memcpy(f + 34, &source, 2), memcpy(f + 36, &target, 2), memcpy(f + 38, &seq, 4), memcpy(f + 42, &ack, 4);
    f[46] = 0x50, f[47] = 0x18, f[48] = f[49] = 0xff, f[50] = f[51] = f[52] = f[53] = 0;
}

int main(int count, char **words) {
    if (count != 4) return fputs("usage: flood IFACE SECONDS SENDER\n", stderr), 2;
    int out = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = if_nametoindex(words[1])};
    if (out < 0 || bind(out, (struct sockaddr *)&to, sizeof to)) return perror("flood"), 1;
    // Past the queueing discipline, where the kernel allows it.
    setsockopt(out, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){frames[i], FRAME};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    unsigned long sent = 0;
    unsigned number = 0, sender = atoi(words[3]);
    do {
        for (int i = 0; i < BATCH; i++) fill(frames[i], sender, number++);
        int taken = sendmmsg(out, messages, BATCH, 0);
        if (taken > 0) sent += taken;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec + (now.tv_nsec - start.tv_nsec) / 1e9 < atof(words[2]));
    printf("%lu\n", sent);
    return 0;
}
