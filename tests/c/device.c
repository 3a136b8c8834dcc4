#define _POSIX_C_SOURCE 200809L
#include "device.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>

#include "check.h"

#define WAIT_TIME_MS 20000
#define TURNS 10 /* a Yield may return early for another message */

void device_info(iotx_device_info_t *info, int number)
{
    memset(info, 0, sizeof(*info));
    strcpy(info->product_key, "a1B2c3D4e5F");
    if (number == 1) {
        strcpy(info->device_name, "dev01");
        strcpy(info->device_id, "a1B2c3D4e5F.dev01");
        strcpy(info->device_secret, "0123456789abcdef0123456789ABCDEF");
    } else {
        strcpy(info->device_name, "dev02");
        strcpy(info->device_id, "a1B2c3D4e5F.dev02");
        strcpy(info->device_secret, "fedcba9876543210FEDCBA9876543210");
    }
}

iotx_coap_context_t *device_open(int number, const char *url)
{
    char url_of_our_own[128];
    iotx_device_info_t info;
    iotx_coap_config_t config;
    iotx_coap_context_t *client;

    /* Without a redirection the hosts above would be asked for. */
    CHECK(getenv("IOTX_CONNECT_TO") != NULL);
    CHECK(strlen(url) < sizeof(url_of_our_own));
    strcpy(url_of_our_own, url);
    device_info(&info, number);
    memset(&config, 0, sizeof(config));
    config.p_url = url_of_our_own;
    config.wait_time_ms = WAIT_TIME_MS;
    config.p_devinfo = &info;

    client = IOT_CoAP_Init(&config);
    CHECK(client != NULL);
    memset(url_of_our_own, 0, sizeof(url_of_our_own));
    memset(&info, 0, sizeof(info));
    return client;
}

iotx_coap_context_t *device_start(int number, const char *url)
{
    iotx_coap_context_t *client = device_open(number, url);

    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);
    return client;
}

void device_on_answer(void *arg, void *message)
{
    answer_t *answer = arg;
    unsigned char *payload = NULL;

    answer->count++;
    CHECK_EQ(IOT_CoAP_GetMessageCode(message, &answer->code), IOTX_SUCCESS);
    CHECK_EQ(IOT_CoAP_GetMessageToken(message, &answer->token), IOTX_SUCCESS);
    CHECK_EQ(IOT_CoAP_GetMessagePayload(message, &payload, &answer->len), IOTX_SUCCESS);
    if (answer->len == 0) {
        CHECK(payload == NULL);
        answer->payload[0] = '\0';
        return;
    }
    CHECK(answer->len > 0 && (size_t)answer->len < sizeof(answer->payload));
    CHECK_EQ(payload[answer->len], '\0');
    memcpy(answer->payload, payload, (size_t)answer->len + 1);
}

void device_message(iotx_message_t *message, answer_t *answer)
{
    memset(message, 0, sizeof(*message));
    message->content_type = IOTX_CONTENT_TYPE_JSON;
    message->msg_type = IOTX_MESSAGE_CON;
    message->user_data = answer;
    message->resp_callback = device_on_answer;
}

static void *copy_of(const void *bytes, size_t size)
{
    void *copy = malloc(size);

    CHECK(copy != NULL);
    memcpy(copy, bytes, size);
    return copy;
}

int device_send_message(iotx_coap_context_t *client, const char *path,
                        const iotx_message_t *message)
{
    iotx_message_t *message_copy = copy_of(message, sizeof(*message));
    char *path_copy = copy_of(path, strlen(path) + 1);
    unsigned char *payload_copy = NULL;
    int result;

    if (message->payload_len > 0) {
        payload_copy = copy_of(message->p_payload, message->payload_len);
        message_copy->p_payload = payload_copy;
    }
    result = IOT_CoAP_SendMessage(client, path_copy, message_copy);
    free(payload_copy);
    free(path_copy);
    free(message_copy);
    return result;
}

int device_send(iotx_coap_context_t *client, const char *path, const char *payload,
                answer_t *answer)
{
    iotx_message_t message;

    memset(answer, 0, sizeof(*answer));
    device_message(&message, answer);
    message.p_payload = (unsigned char *)payload;
    message.payload_len = (unsigned short)strlen(payload);
    return device_send_message(client, path, &message);
}

void device_await(iotx_coap_context_t *client, const answer_t *answer)
{
    int turn;

    for (turn = 0; turn < TURNS && answer->count == 0; turn++) {
        CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS);
    }
    CHECK_EQ(answer->count, 1);
}

int device_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    CHECK(directory != NULL);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}
