/* The same work through libcoap 4.3. Usage: libcoap coap|coaps PORT REPORTS [CA] */

#include "wire.h"

#include <arpa/inet.h>
#include <coap3/coap.h>
#include <netinet/in.h>

static unsigned long answered;

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received,
                                   const coap_mid_t mid)
{
    (void)session;
    (void)sent;
    (void)received;
    (void)mid;
    answered++;
    return COAP_RESPONSE_OK;
}

static coap_session_t *connect_to(coap_context_t *context, const char *scheme, uint16_t port)
{
    coap_address_t server;

    coap_address_init(&server);
    server.size = sizeof(server.addr.sin);
    server.addr.sin.sin_family = AF_INET;
    server.addr.sin.sin_port = htons(port);
    server.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (strcmp(scheme, "coaps") == 0) {
        static char name[] = "127.0.0.1";
        coap_dtls_pki_t pki;

        memset(&pki, 0, sizeof(pki));
        pki.version = COAP_DTLS_PKI_SETUP_VERSION;
        pki.verify_peer_cert = 1;
        pki.check_common_ca = 0;
        pki.allow_expired_certs = 0;
        pki.cert_chain_validation = 1;
        pki.cert_chain_verify_depth = 3;
        pki.client_sni = name;
        pki.pki_key.key_type = COAP_PKI_KEY_PEM;
        return coap_new_client_session_pki(context, NULL, &server, COAP_PROTO_DTLS, &pki);
    }
    return coap_new_client_session(context, NULL, &server, COAP_PROTO_UDP);
}

static void report(coap_session_t *session, const char *token)
{
    static const uint8_t json = 50, octets = 42;
    uint8_t message_token[8];
    size_t token_len;
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, COAP_REQUEST_CODE_POST, session);

    bench_check(pdu != NULL, "coap_new_pdu");
    coap_session_new_token(session, &token_len, message_token);
    coap_add_token(pdu, token_len, message_token);
    coap_add_option(pdu, COAP_OPTION_URI_PATH, 5, (const uint8_t *)"topic");
    coap_add_option(pdu, COAP_OPTION_URI_PATH, 11, (const uint8_t *)"a1B2c3D4e5F");
    coap_add_option(pdu, COAP_OPTION_URI_PATH, 5, (const uint8_t *)"dev01");
    coap_add_option(pdu, COAP_OPTION_URI_PATH, 6, (const uint8_t *)"update");
    coap_add_option(pdu, COAP_OPTION_CONTENT_FORMAT, 1, &json);
    coap_add_option(pdu, COAP_OPTION_ACCEPT, 1, &octets);
    coap_add_option(pdu, 61, BENCH_TOKEN_LEN, (const uint8_t *)token);
    coap_add_data(pdu, sizeof(BENCH_PAYLOAD) - 1, (const uint8_t *)BENCH_PAYLOAD);
    bench_check(coap_send(session, pdu) != COAP_INVALID_MID, "coap_send");
}

int main(int argc, char **argv)
{
    char token[BENCH_TOKEN_LEN + 1];
    unsigned long reports, done;
    uint64_t begun, first = 0, started;
    coap_context_t *context;
    coap_session_t *session;

    bench_check(argc >= 4, "usage: libcoap coap|coaps PORT REPORTS [CA]");
    reports = strtoul(argv[3], NULL, 10);
    bench_token(token);
    coap_startup();
    coap_set_log_level(LOG_EMERG);
    begun = started = bench_now();
    context = coap_new_context(NULL);
    if (argc > 4) {
        bench_check(coap_context_set_pki_root_cas(context, argv[4], NULL) == 1, "root CA");
    }
    session = connect_to(context, argv[1], (uint16_t)atoi(argv[2]));
    bench_check(session != NULL, "session");
    coap_register_response_handler(context, on_response);
    for (done = 0; done < reports; done++) {
        report(session, token);
        while (answered <= done) {
            bench_check(coap_io_process(context, 5000) >= 0, "coap_io_process");
        }
        if (first == 0) {
            first = started = bench_now();
        }
    }
    bench_print(reports - 1, begun, first, started, bench_now());
    coap_session_release(session);
    coap_free_context(context);
    coap_cleanup();
    return 0;
}
