/*
 * Firmware of modems: AliOS Things' AT application and the NB-IoT demo of LiteOS. One thread sits in
 * IOT_CoAP_Yield with a mutex held, another one sends, mostly NON without a callback; the URL has no
 * port; the SDK's internal header and the beginning of its client are used; the configuration is set
 * member by member in memory that holds something else.
 */
#include "iot_import.h"
#include "iot_export.h"
#include "CoAPExport.h"

#include "../check.h"

/* The beginning of the SDK's own struct, as the firmware copied it. */
typedef struct {
    char *p_auth_token;
    int auth_token_len;
    char is_authed;
    iotx_device_info_t *p_devinfo;
    void *p_coap_ctx;
    unsigned int coap_token;
} iotx_coap_t;

#define REPORTS 8
#define MOST_TURNS 5000

static struct {
    void *mutex; /* guards all below, and every call with the client */
    iotx_coap_context_t *client;
    unsigned int expected[REPORTS]; /* tokens of the reports with a callback */
    int sent, answers;
    int done; /* nothing more will be sent */
} modem;

static void on_answer(void *arg, void *p_message)
{
    const CoAPMessage *message = (const CoAPMessage *)p_message;
    unsigned int token = 0;
    int i;

    (void)arg;
    COAP_DEBUG("answer %d.%02d\r\n", message->header.code >> 5, message->header.code & 0x1f);
    CHECK_EQ(message->header.code, IOTX_COAP_RESP_CODE_CONTENT);
    for (i = 0; i < message->header.tokenlen; i++) {
        token |= (unsigned int)message->token[i] << (8 * i);
    }
    for (i = 0; i < modem.sent && modem.expected[i] != token; i++) {
    }
    CHECK(i < modem.sent);
    modem.expected[i] = 0;
    modem.answers++;
}

/* The thread that receives. Its pthread.h comes with iot_import.h. */
static void *yield_task(void *arg)
{
    int turn, finished = 0;

    for (turn = 0; turn < MOST_TURNS && !finished; turn++) {
        HAL_MutexLock(modem.mutex);
        CHECK_EQ(IOT_CoAP_Yield(modem.client), IOTX_SUCCESS);
        finished = modem.done && modem.answers == modem.sent;
        HAL_MutexUnlock(modem.mutex);
        HAL_SleepMs(1); /* lets the sender have the mutex */
    }
    CHECK(finished);
    return arg;
}

/* The AT command: a report, acknowledged and answered or not. */
static void send_report(int confirmed)
{
    static unsigned char payload[] = "{\"name\":\"hello world\"}";
    static char path[] = "/topic/a1B2c3D4e5F/dev01/user/update";
    iotx_message_t message;

    memset(&message, 0xa5, sizeof(message));
    message.p_payload = payload;
    message.payload_len = sizeof(payload) - 1;
    message.content_type = IOTX_CONTENT_TYPE_JSON;
    message.msg_type = confirmed ? IOTX_MESSAGE_CON : IOTX_MESSAGE_NON;
    message.resp_callback = confirmed ? on_answer : NULL;

    HAL_MutexLock(modem.mutex);
    if (confirmed) {
        modem.expected[modem.sent++] = ((iotx_coap_t *)modem.client)->coap_token;
    }
    CHECK_EQ(IOT_CoAP_SendMessage(modem.client, path, &message), IOTX_SUCCESS);
    HAL_MutexUnlock(modem.mutex);
}

static void run_session(char *url)
{
    iotx_device_info_t devinfo;
    iotx_coap_config_t config;
    pthread_t thread;
    int i;

    memset(&devinfo, 0, sizeof(devinfo));
    HAL_GetProductKey(devinfo.product_key);
    HAL_GetDeviceName(devinfo.device_name);
    HAL_GetDeviceSecret(devinfo.device_secret);
    CHECK(HAL_GetDeviceID(devinfo.device_id) > 0);
    memset(&config, 0xa5, sizeof(config));
    config.p_url = url;
    config.p_devinfo = &devinfo;
    config.wait_time_ms = 10;

    memset(&modem, 0, sizeof(modem));
    modem.mutex = HAL_MutexCreate();
    CHECK(modem.mutex != NULL);
    modem.client = IOT_CoAP_Init(&config);
    CHECK(modem.client != NULL);
    CHECK_EQ(((iotx_coap_t *)modem.client)->is_authed, 0);
    IOT_CoAP_DeviceNameAuth(modem.client);
    CHECK_EQ(((iotx_coap_t *)modem.client)->is_authed, 1);

    CHECK_EQ(pthread_create(&thread, NULL, yield_task, NULL), 0);
    for (i = 0; i < REPORTS; i++) {
        send_report(0);
        send_report(1);
    }
    HAL_MutexLock(modem.mutex);
    modem.done = 1;
    HAL_MutexUnlock(modem.mutex);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(modem.answers, REPORTS);
    IOT_CoAP_Deinit(&modem.client);
    HAL_MutexDestroy(modem.mutex);
}

int main(void)
{
    char plain[] = "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com";
    char dtls[] = "coaps://a1B2c3D4e5F.iot-as-coap.cn-shanghai.aliyuncs.com";
    char symmetric[] = "coap-psk://a1B2c3D4e5F.iot-as-coap.cn-shanghai.aliyuncs.com";

    IOT_SetLogLevel(IOT_LOG_DEBUG);
    HAL_SetProductKey((char *)"a1B2c3D4e5F");
    HAL_SetDeviceName((char *)"dev01");
    HAL_SetDeviceSecret((char *)"0123456789abcdef0123456789ABCDEF");
    run_session(plain);
    run_session(dtls);
    run_session(symmetric);
    return EXIT_SUCCESS;
}
