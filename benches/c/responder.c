/*
 * The other end of every bench: takes any request and answers as the service does, as fast as it can, so that it
 * is not what is measured. Usage: responder udp|psk|dtls [CERTIFICATE KEY [CIPHERS]]
 *
 * It checks nothing: /auth gets a token of 190 bytes, everything else 2.05 with the service's message id option.
 * Prints the port it listens on, of 127.0.0.1. Ends with the process that started it.
 */

#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a path of 1,500 bytes leaves for a datagram: the handshake comes in flights as large as a server's. */
#define BENCH_PATH_MTU 1472

static int symmetric;

static int is_auth(const uint8_t *request, size_t len)
{
    size_t path = 4 + (request[0] & 15);

    return len > path + 5 && memcmp(request + path, "\xb4" "auth", 5) == 0;
}

static size_t answer_to(const uint8_t *request, size_t len, uint8_t answer[1024])
{
    static const uint8_t message_id[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    size_t token = request[0] & 15, at = 4 + token;

    if (len < at || request[1] == 0 || request[1] >= 32) {
        return 0;
    }
    answer[0] = (uint8_t)((request[0] & 0x10 ? 0x50 : 0x60) | token);
    answer[1] = 0x45;
    memcpy(answer + 2, request + 2, 2 + token);
    if (is_auth(request, len)) {
        char cloud_token[BENCH_TOKEN_LEN + 1];
        const char *format = symmetric ? "{\"random\":\"915ede6cbc8a059f\",\"seqOffset\":1,\"token\":\"%s\"}"
                                       : "{\"token\":\"%s\"}";

        bench_token(cloud_token);
        answer[at++] = 0xff;
        return at + (size_t)snprintf((char *)answer + at, 1024 - at, format, cloud_token);
    }
    /* Option 2090, 8 bytes: delta 14 with two more bytes of it. */
    answer[at++] = 0xe8;
    answer[at++] = (uint8_t)((2090 - 269) >> 8);
    answer[at++] = (uint8_t)((2090 - 269) & 255);
    memcpy(answer + at, message_id, 8);
    return at + 8;
}

/* `port` is 0 for the first socket, which gets one that nobody has; the others share it. */
static int listen_on(uint16_t *port)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t here_len = sizeof(here);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;

    here.sin_port = htons(*port);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bench_check(fd >= 0, "socket");
    if (*port != 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    }
    bench_check(bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0, "bind");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    bench_check(getsockname(fd, (struct sockaddr *)&here, &here_len) == 0, "getsockname");
    *port = ntohs(here.sin_port);
    return fd;
}

static void serve_udp(int fd)
{
    uint8_t request[2048], answer[1024];

    for (;;) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof(from);
        ssize_t len = recvfrom(fd, request, sizeof(request), 0, (struct sockaddr *)&from, &from_len);
        size_t answer_len = len < 4 ? 0 : answer_to(request, (size_t)len, answer);

        if (answer_len > 0) {
            sendto(fd, answer, answer_len, 0, (struct sockaddr *)&from, from_len);
        }
    }
}

struct bench_client {
    int fd;
    SSL *ssl;
};

static void *serve_client(void *argument)
{
    struct bench_client *client = argument;
    uint8_t request[2048], answer[1024];
    int len;

    if (SSL_accept(client->ssl) == 1) {
        while ((len = SSL_read(client->ssl, request, sizeof(request))) > 0) {
            size_t answer_len = len < 4 ? 0 : answer_to(request, (size_t)len, answer);

            if (answer_len > 0) {
                SSL_write(client->ssl, answer, (int)answer_len);
            }
        }
    }
    SSL_free(client->ssl);
    close(client->fd);
    free(client);
    return NULL;
}

/* Each client gets the socket its first datagram came to, and a thread; the next one finds another socket. */
static void serve_dtls(int fd, uint16_t port, SSL_CTX *context)
{
    pthread_attr_t detached;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof(from);
        struct bench_client *client = malloc(sizeof(*client));
        uint8_t byte;
        pthread_t thread;
        int next;

        bench_check(client != NULL && (client->ssl = SSL_new(context)) != NULL, "memory");
        bench_check(recvfrom(fd, &byte, 1, MSG_PEEK, (struct sockaddr *)&from, &from_len) >= 0, "peek");
        next = listen_on(&port);
        bench_check(connect(fd, (struct sockaddr *)&from, from_len) == 0, "connect");
        client->fd = fd;
        SSL_set_fd(client->ssl, fd);
        BIO_ctrl(SSL_get_rbio(client->ssl), BIO_CTRL_DGRAM_SET_CONNECTED, 0, &from);
        SSL_set_options(client->ssl, SSL_OP_NO_QUERY_MTU);
        SSL_set_mtu(client->ssl, BENCH_PATH_MTU);
        bench_check(pthread_create(&thread, &detached, serve_client, client) == 0, "thread");
        fd = next;
    }
}

static void announce(uint16_t port)
{
    printf("%u\n", port);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    int fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_check(argc >= 2, "usage: responder udp|psk|dtls [CERTIFICATE KEY [CIPHERS]]");
    symmetric = strcmp(argv[1], "psk") == 0;
    fd = listen_on(&port);
    if (strcmp(argv[1], "dtls") == 0) {
        SSL_CTX *context = SSL_CTX_new(DTLS_server_method());

        bench_check(argc >= 4, "usage: responder dtls CERTIFICATE KEY [CIPHERS]");
        bench_check(SSL_CTX_use_certificate_file(context, argv[2], SSL_FILETYPE_PEM) == 1, "certificate");
        bench_check(SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) == 1, "key");
        bench_check(SSL_CTX_set_cipher_list(context, argc > 4 ? argv[4] : "ECDHE-RSA-AES128-GCM-SHA256") == 1,
                    "ciphers");
        announce(port);
        serve_dtls(fd, port, context);
    }
    announce(port);
    serve_udp(fd);
    return 0;
}
