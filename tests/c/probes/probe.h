/*
 * What the CoAP examples of all SDK releases have in common: options, choice of a server, identity,
 * and a session from Init to Deinit with reports in some of its turns. Each release_*.c includes it
 * behind the headers of its release, so that all of it is compiled against those, and adds what only
 * that release does. Unlike an example a probe ends, and succeeds only if each session's report was
 * answered with 2.05.
 *
 * The including file defines
 *   PROBE_DEVINFO       the struct in which that release's example keeps its identity
 *   PROBE_P_DEVINFO     what p_devinfo points to in that release
 *   PROBE_PRINT         what it prints with
 *   PROBE_WAIT_TIME_MS  its wait_time_ms, if its configuration has one
 * and iotx_set_devinfo().
 */
#ifndef PROBE_H
#define PROBE_H

#include "../check.h"

/* A server of one environment. */
struct probe_server {
    const char *environment;
    const char *security;
    const char *url; /* "%s" stands for the product key */
};

/* How the example of a release behaves. */
struct probe_release {
    const char *letters;         /* for getopt() */
    const char *environment;     /* without -e; NULL: no URL, the library chooses */
    const char *security;        /* without -s */
    const char *topic;           /* format of product key and device name */
    int first_report;            /* in this turn, from 1 on */
    int report_interval;         /* turns from a report to the next */
    int url_dangles;             /* Init gets a URL whose block has ended */
    int message_zeroed;          /* before its members are set; else user_data is garbage */
    struct probe_server servers[8];
};

/* What the examples leave in a message that they do not clear. */
#define PROBE_GARBAGE 0xa5

/* With -l, give up when the answer has not come after this many turns. */
#define PROBE_MOST_TURNS 1000

/* Names of the application, with external linkage as in the examples: the library must not have
 * them too. */
int m_coap_client_running = 0;
int m_coap_reconnect = 0;
int iotx_set_devinfo(PROBE_DEVINFO *p_devinfo);
void show_usage(void);

static void *probe_user_data;
static int probe_delivered;

void show_usage(void)
{
    PROBE_PRINT("-e ENVIRONMENT -s SECURITY [-l] [-r]\r\n");
}

static void probe_on_answer(void *p_arg, void *p_message)
{
    int len = -1;
    unsigned char *p_payload = NULL;
    iotx_coap_resp_code_t code = (iotx_coap_resp_code_t)0;

    CHECK(p_arg == probe_user_data);
    CHECK_EQ(IOT_CoAP_GetMessageCode(p_message, &code), IOTX_SUCCESS);
    CHECK_EQ(IOT_CoAP_GetMessagePayload(p_message, &p_payload, &len), IOTX_SUCCESS);
    PROBE_PRINT("answer 0x%x, %d bytes: %s\r\n", code, len, (const char *)p_payload);
    if ((int)code == 0x45) {
        probe_delivered++;
    }
}

static void probe_report(iotx_coap_context_t *p_ctx, const struct probe_release *release,
                         const PROBE_DEVINFO *p_devinfo)
{
    static unsigned char text[] = "{\"name\":\"hello world\"}";
    char path[IOTX_URI_MAX_LEN + 1] = {0};
    iotx_message_t message;
    int result;

    memset(&message, release->message_zeroed ? 0 : PROBE_GARBAGE, sizeof(message));
    probe_user_data = message.user_data;
    message.p_payload = text;
    message.payload_len = (unsigned short)strlen((const char *)text);
    message.content_type = IOTX_CONTENT_TYPE_JSON;
    message.msg_type = IOTX_MESSAGE_CON;
    message.resp_callback = probe_on_answer;
    snprintf(path, IOTX_URI_MAX_LEN, release->topic, p_devinfo->product_key,
             p_devinfo->device_name);
    result = IOT_CoAP_SendMessage(p_ctx, path, &message);
    if (result != IOTX_SUCCESS) {
        PROBE_PRINT("report not sent: %d\r\n", result);
    }
    /* The message ends here, and with it what the library might have kept a pointer to. */
    memset(&message, PROBE_GARBAGE, sizeof(message));
    memset(path, PROBE_GARBAGE, sizeof(path));
}

/* One session; `server` is the format of its URL, or NULL. */
static void probe_session(const struct probe_release *release, const char *server)
{
    PROBE_DEVINFO devinfo;
    iotx_coap_config_t config;
    iotx_coap_context_t *p_ctx = NULL;
    char outer[256];
    int before = probe_delivered;
    int turn = 0;

    CHECK_EQ(iotx_set_devinfo(NULL), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(iotx_set_devinfo(&devinfo), IOTX_SUCCESS);

    memset(&config, 0, sizeof(config));
    config.p_devinfo = (PROBE_P_DEVINFO *)&devinfo;
#ifdef PROBE_WAIT_TIME_MS
    config.wait_time_ms = PROBE_WAIT_TIME_MS;
#endif
    if (server != NULL && release->url_dangles) {
        char url[256];

        snprintf(url, sizeof(url), server, devinfo.product_key);
        config.p_url = url;
    } else if (server != NULL) {
        snprintf(outer, sizeof(outer), server, devinfo.product_key);
        config.p_url = outer;
    }

    p_ctx = IOT_CoAP_Init(&config);
    CHECK(p_ctx != NULL);
    memset(&config, PROBE_GARBAGE, sizeof(config)); /* Init is done with it */

    IOT_CoAP_DeviceNameAuth(p_ctx); /* no example looks at the result */
    do {
        turn++;
        if (turn >= release->first_report &&
            (turn - release->first_report) % release->report_interval == 0) {
            probe_report(p_ctx, release, &devinfo);
        }
        IOT_CoAP_Yield(p_ctx);
    } while (m_coap_client_running && probe_delivered == before && turn < PROBE_MOST_TURNS);
    IOT_CoAP_Deinit(&p_ctx);
    CHECK(p_ctx == NULL);
    CHECK(probe_delivered > before);
}

/* The server for what -e and -s say. Exits if the release has none. */
static const char *probe_server(const struct probe_release *release, const char *environment,
                                const char *security)
{
    size_t i;

    if (environment == NULL) {
        return NULL;
    }
    for (i = 0; i < sizeof(release->servers) / sizeof(release->servers[0]); i++) {
        const struct probe_server *server = &release->servers[i];

        if (server->url != NULL && strcmp(server->environment, environment) == 0 &&
            strcmp(server->security, security) == 0) {
            return server->url;
        }
    }
    PROBE_PRINT("no server for %s, %s\r\n", environment, security);
    exit(EXIT_FAILURE);
}

/* The whole of it. */
static void probe_run(const struct probe_release *release, int argc, char **argv)
{
    const char *environment = release->environment;
    const char *security = release->security;
    const char *server;
    int letter;

    while ((letter = getopt(argc, argv, release->letters)) != -1) {
        switch (letter) {
        case 'e':
            environment = optarg;
            break;
        case 's':
            security = optarg;
            break;
        case 'l':
            m_coap_client_running = 1;
            break;
        case 'r':
            m_coap_reconnect = 1;
            break;
        default:
            show_usage();
            exit(EXIT_FAILURE);
        }
    }
    server = probe_server(release, environment, security);
    do {
        probe_session(release, server);
    } while (m_coap_reconnect-- > 0);
}

#endif /* PROBE_H */
