/*
 * What the programs that run beside a cloud (scripts/with-cloud.sh) have in common: the devices it
 * knows, and reports whose answers are kept.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "iot_export.h"

/* The hosts are real; IOTX_CONNECT_TO leads them to the cloud beside us. */
#define PLAIN_URL "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define SYMMETRIC_URL "coap-psk://a1B2c3D4e5F.coap.cn-shanghai.link.aliyuncs.com:5682"
#define DTLS_URL "coaps://a1B2c3D4e5F.iot-as-coap.cn-shanghai.aliyuncs.com:5684"

/* Topics that the devices may publish to: the cloud answers 2.05 without a payload. */
#define TOPIC_1 "/topic/a1B2c3D4e5F/dev01/user/update"
#define TOPIC_2 "/topic/a1B2c3D4e5F/dev02/user/update"

/* A path that the cloud does not know: it answers 4.04 with this payload. */
#define NO_PATH "/no/such/path"
#define NO_PATH_TEXT "404 not found"

/* What became of a report. */
typedef struct {
    int count; /* calls of the callback */
    iotx_coap_resp_code_t code;
    unsigned int token;
    int len;
    char payload[128]; /* NUL-terminated */
} answer_t;

/* Identity of device 1 or 2. */
void device_info(iotx_device_info_t *info, int number);

/* A client for device 1 or 2, not authenticated yet. One Yield waits long enough for any answer,
 * and returns with it. */
iotx_coap_context_t *device_open(int number, const char *url);

/* As device_open, and authenticates. */
iotx_coap_context_t *device_start(int number, const char *url);

/* Keeps the answer in `answer`, an answer_t: the resp_callback of device_send. */
void device_on_answer(void *answer, void *message);

/* Fills in a confirmable JSON message without a payload, for device_on_answer. */
void device_message(iotx_message_t *message, answer_t *answer);

/* Sends a copy of message and path that is exactly as long as needed and is gone after the call. */
int device_send_message(iotx_coap_context_t *client, const char *path,
                        const iotx_message_t *message);

/* Sends a confirmable report with a text as payload. */
int device_send(iotx_coap_context_t *client, const char *path, const char *payload,
                answer_t *answer);

/* Yields until `answer` has come; fails the test if it does not come. */
void device_await(iotx_coap_context_t *client, const answer_t *answer);

/* Open file descriptors of the process. */
int device_descriptors(void);

#endif /* DEVICE_H */
