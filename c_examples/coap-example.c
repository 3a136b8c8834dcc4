/*
 * One device reports to the cloud over CoAP.
 *
 * Creates a client, authenticates, posts a report to a topic of the device and waits for the
 * answer. The options are those of the SDK's own example, and a few more: see usage() and
 * README.md.
 */
#include "iot_import.h"

#include "iot_export.h"

#include "app_entry.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long one IOT_CoAP_Yield waits, in milliseconds; and so an interrupt. */
#define WAIT_TIME_MS 300

/* An answer still comes up to 93 s after the report (MAX_TRANSMIT_WAIT, RFC 7252, 4.8.2). */
#define TURNS_PER_ANSWER (93 * 1000 / WAIT_TIME_MS)

/* With -l a report goes out in the first turn and then in every hundredth: every 30 s. */
#define TURNS_PER_REPORT 100

struct options {
    const char *environment;
    const char *security;
    const char *url;
    const char *product_key;
    const char *device_name;
    const char *device_secret;
    int loop;
    int sessions;
};

/* What has become of the last report. */
struct report {
    int answered;
    iotx_coap_resp_code_t code;
};

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/*
 * The first interrupt ends the session in order, as soon as the library returns. One more ends the
 * program at once: connecting takes up to 30 s when nothing answers.
 */
static void catch_first_interrupt(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND;
    if (sigaction(SIGINT, &action, NULL) != 0) {
        HAL_Printf("an interrupt will end the program at once\n");
    }
}

static void usage(const char *program)
{
    HAL_Printf("usage: %s [-e pre|online|daily] [-s nosec|dtls|psk] [-u URL] [-l] [-r]\n"
               "       [--pk PRODUCT_KEY] [--dn DEVICE_NAME] [--ds DEVICE_SECRET]\n"
               "  -e  server: pre-production, production, or the vendor's internal one\n"
               "  -s  security: none, DTLS, or encrypted payloads (coap-psk)\n"
               "  -u  server as scheme://host:port; -e and -s then have no effect\n"
               "      (without -e, -s and -u the library chooses the server)\n"
               "  -l  report until interrupted\n"
               "  -r  run the session twice\n"
               "  -h  print this\n"
               "Without --pk, --dn and --ds: IOTX_DEMO_PRODUCT_KEY, IOTX_DEMO_DEVICE_NAME and\n"
               "IOTX_DEMO_DEVICE_SECRET of the environment.\n",
               program);
}

/* 0, 1 if the program has nothing more to do, or -1. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {
        {"pk", required_argument, NULL, 'K'},
        {"dn", required_argument, NULL, 'N'},
        {"ds", required_argument, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    int letter;

    memset(options, 0, sizeof(*options));
    options->sessions = 1;
    options->product_key = getenv("IOTX_DEMO_PRODUCT_KEY");
    options->device_name = getenv("IOTX_DEMO_DEVICE_NAME");
    options->device_secret = getenv("IOTX_DEMO_DEVICE_SECRET");

    while ((letter = getopt_long(argc, argv, "e:s:u:lrh", long_options, NULL)) != -1) {
        switch (letter) {
        case 'e':
            options->environment = optarg;
            break;
        case 's':
            options->security = optarg;
            break;
        case 'u':
            options->url = optarg;
            break;
        case 'l':
            options->loop = 1;
            break;
        case 'r':
            options->sessions = 2;
            break;
        case 'K':
            options->product_key = optarg;
            break;
        case 'N':
            options->device_name = optarg;
            break;
        case 'S':
            options->device_secret = optarg;
            break;
        case 'h':
            usage(argv[0]);
            return 1;
        default:
            usage(argv[0]);
            return -1;
        }
    }
    if (optind != argc) {
        usage(argv[0]);
        return -1;
    }
    return 0;
}

/*
 * Writes the server's URL to `url`. Empty: the library is to choose. Returns 0, or -1 for a server
 * that does not exist.
 */
static int choose_url(const struct options *options, char *url, size_t size)
{
    static const struct {
        const char *environment;
        const char *security;
        const char *format;
    } servers[] = {
        {"pre", "nosec", "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"},
        {"pre", "dtls", "coaps://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5684"},
        {"pre", "psk", "coap-psk://pre.coap.cn-shanghai.link.aliyuncs.com:5683"},
        {"online", "dtls", "coaps://%s.iot-as-coap.cn-shanghai.aliyuncs.com:5684"},
        {"online", "psk", "coap-psk://%s.coap.cn-shanghai.link.aliyuncs.com:5682"},
        {"daily", "dtls", "coaps://iot-as-coap.alibaba.net:5684"},
        {"daily", "psk", "coap-psk://10.101.83.159:5682"},
    };
    const char *environment = options->environment ? options->environment : "online";
    const char *security = options->security ? options->security : "nosec";
    int length = -1;
    size_t i;

    if (options->url != NULL) {
        length = snprintf(url, size, "%s", options->url);
    } else if (options->environment == NULL && options->security == NULL) {
        length = snprintf(url, size, "%s", "");
    } else {
        for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
            if (strcmp(environment, servers[i].environment) == 0 &&
                strcmp(security, servers[i].security) == 0) {
                length = snprintf(url, size, servers[i].format, options->product_key);
            }
        }
    }
    if (length < 0 || (size_t)length >= size) {
        HAL_Printf("no server for -e %s -s %s: see -h\n", environment, security);
        return -1;
    }
    return 0;
}

/* Copies one string of the identity. Returns 0, or -1 if it is missing or does not fit. */
static int set_member(char *member, size_t size, const char *value, const char *name)
{
    if (value == NULL || value[0] == '\0' || strlen(value) >= size) {
        HAL_Printf("%s is missing or too long: see -h\n", name);
        return -1;
    }
    memcpy(member, value, strlen(value) + 1);
    return 0;
}

static int set_device_info(const struct options *options, iotx_device_info_t *info)
{
    int length;

    memset(info, 0, sizeof(*info));
    if (set_member(info->product_key, sizeof(info->product_key), options->product_key,
                   "product key") != 0 ||
        set_member(info->device_name, sizeof(info->device_name), options->device_name,
                   "device name") != 0 ||
        set_member(info->device_secret, sizeof(info->device_secret), options->device_secret,
                   "device secret") != 0) {
        return -1;
    }
    length = HAL_Snprintf(info->device_id, sizeof(info->device_id), "%s.%s", info->product_key,
                          info->device_name);
    return length > 0 && (size_t)length < sizeof(info->device_id) ? 0 : -1;
}

/* Runs inside IOT_CoAP_Yield. The answer and its payload end with the call. */
static void on_answer(void *arg, void *message)
{
    struct report *report = (struct report *)arg;
    unsigned char *payload = NULL;
    int length = 0;
    int result;

    report->answered = 1;
    result = IOT_CoAP_GetMessageCode(message, &report->code);
    if (result != IOTX_SUCCESS) {
        HAL_Printf("the answer has no code: %d\n", result);
        return;
    }
    result = IOT_CoAP_GetMessagePayload(message, &payload, &length);
    if (result != IOTX_SUCCESS) {
        HAL_Printf("the answer's payload is unreadable: %d\n", result);
        return;
    }
    HAL_Printf("answer %d.%02d, %d bytes: %.*s\n", (int)report->code >> 5,
               (int)report->code & 0x1f, length, length, payload ? (const char *)payload : "");
}

/* Returns the result of IOT_CoAP_SendMessage, or IOTX_ERR_URI_TOO_LOOG. */
static int post_report(iotx_coap_context_t *client, const iotx_device_info_t *info,
                       struct report *report)
{
    static unsigned char payload[] = "{\"name\":\"hello world\"}";
    char path[IOTX_URI_MAX_LEN + 1];
    iotx_message_t message;
    int length;

    length = HAL_Snprintf(path, sizeof(path), "/topic/%s/%s/user/update", info->product_key,
                          info->device_name);
    if (length < 0 || (size_t)length >= sizeof(path)) {
        return IOTX_ERR_URI_TOO_LOOG;
    }

    memset(&message, 0, sizeof(message));
    message.p_payload = payload;
    message.payload_len = sizeof(payload) - 1;
    message.content_type = IOTX_CONTENT_TYPE_JSON;
    message.msg_type = IOTX_MESSAGE_CON;
    message.user_data = report;
    message.resp_callback = on_answer;

    memset(report, 0, sizeof(*report));
    return IOT_CoAP_SendMessage(client, path, &message);
}

/* Reports once, or until interrupted. Returns 0 if the last report was answered with 2.05, else -1.
 * */
static int report_to_cloud(iotx_coap_context_t *client, const iotx_device_info_t *info, int loop)
{
    struct report report;
    int turn;
    int result;

    for (turn = 0;; turn++) {
        if (turn == 0 || (loop && turn % TURNS_PER_REPORT == 0)) {
            result = post_report(client, info, &report);
            if (result != IOTX_SUCCESS) {
                HAL_Printf("the report was not sent: %d\n", result);
                return -1;
            }
        }
        result = IOT_CoAP_Yield(client);
        if (result != IOTX_SUCCESS) {
            HAL_Printf("yield: %d\n", result);
            return -1;
        }
        if (interrupted || (!loop && (report.answered || turn + 1 >= TURNS_PER_ANSWER))) {
            break;
        }
    }
    if (!report.answered) {
        HAL_Printf("no answer to the last report\n");
    }
    return report.answered && report.code == IOTX_COAP_RESP_CODE_CONTENT ? 0 : -1;
}

/* From Init to Deinit. Returns 0, or -1 after a message that says why. */
static int run_session(iotx_coap_config_t *config, int loop)
{
    iotx_coap_context_t *client = IOT_CoAP_Init(config);
    int result;

    if (client == NULL) {
        HAL_Printf("no client: is the server reachable?\n");
        return -1;
    }
    result = IOT_CoAP_DeviceNameAuth(client);
    if (result == IOTX_SUCCESS) {
        result = report_to_cloud(client, config->p_devinfo, loop);
    } else {
        HAL_Printf("not authenticated: %d\n", result);
        result = -1;
    }
    IOT_CoAP_Deinit(&client);
    return result;
}

int linkkit_main(void *paras)
{
    app_main_paras_t *arguments = (app_main_paras_t *)paras;
    char url[256]; /* read by IOT_CoAP_Init: must outlive the call, like the device info */
    iotx_device_info_t info;
    iotx_coap_config_t config;
    struct options options;
    int result = parse_options(arguments->argc, arguments->argv, &options);
    int i;

    if (result != 0) {
        return result > 0 ? 0 : -1;
    }
    if (set_device_info(&options, &info) != 0 || choose_url(&options, url, sizeof(url)) != 0) {
        return -1;
    }
    catch_first_interrupt();

    IOT_OpenLog("coap");
    IOT_SetLogLevel(IOT_LOG_INFO);
    HAL_Printf("device %s, server %s\n", info.device_id, url[0] ? url : "of the library's choice");

    memset(&config, 0, sizeof(config));
    config.p_url = url[0] ? url : NULL;
    config.wait_time_ms = WAIT_TIME_MS;
    config.p_devinfo = &info;

    for (i = 0; i < options.sessions && result == 0 && !interrupted; i++) {
        result = run_session(&config, options.loop);
    }

    IOT_DumpMemoryStats(IOT_LOG_INFO);
    IOT_CloseLog();
    return result;
}
