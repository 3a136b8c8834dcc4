/* The limit on plain UDP: send, wait, receive; no CoAP. Usage: bare_udp PORT REPORTS [poll] */

#include "wire.h"

#include <poll.h>

int main(int argc, char **argv)
{
    uint8_t request[BENCH_REQUEST_LEN + 64], answer[2048];
    struct sockaddr_in server;
    unsigned long reports, done;
    uint64_t begun, first = 0, started;
    struct pollfd wait;
    int waits;
    size_t len;

    bench_check(argc >= 3, "usage: bare_udp PORT REPORTS [poll]");
    reports = strtoul(argv[2], NULL, 10);
    waits = argc > 3;
    len = bench_request(request);
    begun = started = bench_now();
    wait.fd = bench_connect(argv[1], &server);
    wait.events = POLLIN;
    for (done = 0; done < reports; done++) {
        bench_check(send(wait.fd, request, len, 0) == (ssize_t)len, "send");
        if (waits) {
            bench_check(poll(&wait, 1, 5000) == 1, "poll");
        }
        bench_check(recv(wait.fd, answer, sizeof(answer), 0) > 0, "recv");
        if (first == 0) {
            first = bench_now();
        }
    }
    bench_print(reports, begun, first, started, bench_now());
    return 0;
}
