/*
 * Firmware that lives in somebody else's event loop, as AliOS Things, RT-Thread and linkkit have it:
 * the client gets short turns between timers; reports are sent in bursts, from timers and from the
 * callback; each answer is found again by its token.
 */
#include <stdio.h>
#include <string.h>

#include "coap_api.h"
#include "wrappers.h"
#include "app_entry.h"
#include "infra_compat.h"

#include "../check.h"

/* linkkit declares these itself; no header of the SDK has them. */
extern uint32_t IOT_CoAP_GetCurToken(iotx_coap_context_t *p_context);
extern int IOT_CoAP_GetMessageToken(void *p_message, unsigned int *token);

/* RT-Thread's port has variables where the examples have macros. */
static char IOTX_PRODUCT_KEY[IOTX_PRODUCT_KEY_LEN + 1];
static char IOTX_DEVICE_NAME[IOTX_DEVICE_NAME_LEN + 1];
static char IOTX_DEVICE_SECRET[IOTX_DEVICE_SECRET_LEN + 1];

#define BURSTS 3
#define BURST 4
#define REPORTS (BURSTS * BURST + 1)
#define MOST_TURNS 5000

static struct {
    iotx_coap_context_t *client;
    unsigned int tokens[REPORTS]; /* of the reports in the order they were sent */
    int answered[REPORTS];
    int sent;
    int answers;
    int bursts;
    uint64_t next_burst; /* HAL_UptimeMs() */
} app;

static void on_event(void *context, iotx_coap_event_t event, void *data)
{
    (void)context;
    (void)event;
    (void)data;
    CHECK(!"no release raises events");
}

static void on_answer(void *arg, void *message);

static void send_report(iotx_msg_type_t type)
{
    static unsigned char payload[] = "{\"name\":\"hello world\"}";
    char path[IOTX_URI_MAX_LEN + 1];
    iotx_message_t message;

    memset(&message, 0, sizeof(message));
    message.p_payload = payload;
    message.payload_len = sizeof(payload) - 1;
    message.content_type = IOTX_CONTENT_TYPE_JSON;
    message.msg_type = type;
    message.user_data = &app;
    message.resp_callback = on_answer;
    HAL_Snprintf(path, sizeof(path), "/topic/%s/%s/user/update", IOTX_PRODUCT_KEY,
                 IOTX_DEVICE_NAME);

    CHECK(app.sent < REPORTS);
    app.tokens[app.sent] = IOT_CoAP_GetCurToken(app.client);
    CHECK_EQ(IOT_CoAP_SendMessage(app.client, path, &message), IOTX_SUCCESS);
    app.sent++;
}

static void on_answer(void *arg, void *message)
{
    iotx_coap_resp_code_t code;
    unsigned int token;
    int i;

    CHECK(arg == &app);
    CHECK_EQ(IOT_CoAP_GetMessageCode(message, &code), IOTX_SUCCESS);
    CHECK_EQ(code, IOTX_COAP_RESP_CODE_CONTENT);
    CHECK_EQ(IOT_CoAP_GetMessageToken(message, &token), IOTX_SUCCESS);
    for (i = 0; i < app.sent && app.tokens[i] != token; i++) {
    }
    CHECK(i < app.sent);
    CHECK_EQ(app.answered[i], 0);
    app.answered[i] = 1;
    if (++app.answers == 1) {
        send_report(IOTX_MESSAGE_CON);
    }
}

/* What is due, as an event loop's timer would run it. */
static void run_timers(void)
{
    int i;

    if (app.bursts == BURSTS || HAL_UptimeMs() < app.next_burst) {
        return;
    }
    for (i = 0; i < BURST; i++) {
        send_report(i % 2 == 0 ? IOTX_MESSAGE_CON : IOTX_MESSAGE_NON);
    }
    app.bursts++;
    app.next_burst = HAL_UptimeMs() + 5;
}

static void run_session(const char *url)
{
    iotx_coap_device_info_t devinfo;
    iotx_coap_config_t config;
    int turn;

    /* The platform's identity of SDK 2.x, in the struct of 3.x. */
    memset(&devinfo, 0, sizeof(devinfo));
    HAL_GetProductKey(devinfo.product_key);
    HAL_GetDeviceName(devinfo.device_name);
    HAL_GetDeviceSecret(devinfo.device_secret);
    HAL_GetDeviceID(devinfo.device_id);

    memset(&config, 0, sizeof(config));
    config.p_url = (char *)url;
    config.wait_time_ms = 2; /* the loop has other things to do */
    config.p_devinfo = &devinfo;
    config.event_handle = on_event;

    memset(&app, 0, sizeof(app));
    app.client = IOT_CoAP_Init(&config);
    CHECK(app.client != NULL);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(app.client), IOTX_SUCCESS);
    for (turn = 0; turn < MOST_TURNS && app.answers < REPORTS; turn++) {
        run_timers();
        CHECK_EQ(IOT_CoAP_Yield(app.client), IOTX_SUCCESS);
    }
    CHECK_EQ(app.answers, REPORTS);
    IOT_CoAP_Deinit(&app.client);
}

int linkkit_main(void *paras)
{
    CHECK(paras != NULL);
    IOT_SetLogLevel(IOT_LOG_DEBUG);
    HAL_SetProductKey((char *)"a1B2c3D4e5F");
    HAL_SetDeviceName((char *)"dev01");
    HAL_SetDeviceSecret((char *)"0123456789abcdef0123456789ABCDEF");
    HAL_GetProductKey(IOTX_PRODUCT_KEY);
    HAL_GetDeviceName(IOTX_DEVICE_NAME);
    HAL_GetDeviceSecret(IOTX_DEVICE_SECRET);

    run_session("coap://pre.coap.cn-shanghai.link.aliyuncs.com:5683");
    run_session("coap-psk://a1B2c3D4e5F.coap.cn-shanghai.link.aliyuncs.com:5682");
    run_session("coaps://a1B2c3D4e5F.coap.cn-shanghai.link.aliyuncs.com:5684");
    return 0;
}
