/* The limit on DTLS: OpenSSL on a connected socket, the server verified; no CoAP. Usage: bare_dtls PORT REPORTS CA [poll] */

#include "wire.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

static SSL *connect_to(int fd, struct sockaddr_in *server, const char *ca)
{
    SSL_CTX *context = SSL_CTX_new(DTLS_client_method());
    SSL *ssl;
    BIO *bio = BIO_new_dgram(fd, BIO_NOCLOSE);

    bench_check(context != NULL && bio != NULL, "OpenSSL");
    bench_check(SSL_CTX_load_verify_locations(context, ca, NULL) == 1, "CA");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    ssl = SSL_new(context);
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, server);
    SSL_set_bio(ssl, bio, bio);
    bench_check(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1") == 1, "name");
    bench_check(SSL_connect(ssl) == 1, "handshake");
    return ssl;
}

int main(int argc, char **argv)
{
    uint8_t request[BENCH_REQUEST_LEN + 64], answer[2048];
    struct sockaddr_in server;
    unsigned long reports, done;
    uint64_t begun, first = 0, started;
    struct pollfd wait;
    size_t len;
    int waits;
    SSL *ssl;

    bench_check(argc >= 4, "usage: bare_dtls PORT REPORTS CA [poll]");
    reports = strtoul(argv[2], NULL, 10);
    waits = argc > 4;
    len = bench_request(request);
    begun = bench_now();
    wait.fd = bench_connect(argv[1], &server);
    wait.events = POLLIN;
    ssl = connect_to(wait.fd, &server, argv[3]);
    started = bench_now();
    for (done = 0; done < reports; done++) {
        bench_check(SSL_write(ssl, request, (int)len) == (int)len, "SSL_write");
        if (waits) {
            bench_check(poll(&wait, 1, 5000) == 1, "poll");
        }
        bench_check(SSL_read(ssl, answer, sizeof(answer)) > 0, "SSL_read");
        if (first == 0) {
            first = bench_now();
        }
    }
    bench_print(reports, begun, first, started, bench_now());
    SSL_shutdown(ssl);
    return 0;
}
