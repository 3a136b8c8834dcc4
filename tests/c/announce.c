/*
 * A platform with a vendor's ids: the first device tells the cloud about its module and SDK after
 * each authentication; the second is told not to. What arrived is read from the cloud's log
 * (CMakeLists.txt), which the answer to a later report makes complete.
 */
#include <string.h>

#include "check.h"
#include "device.h"
#include "iot_import.h"
#include "iotx_coap_ext.h"

static int copy_id(char *buffer, const char *id)
{
    strcpy(buffer, id);
    return (int)strlen(id);
}

int HAL_GetPartnerID(char pid_str[64])
{
    return copy_id(pid_str, "partner-7");
}

int HAL_GetModuleID(char mid_str[64])
{
    return copy_id(mid_str, "module-9");
}

static void authenticate_and_report(iotx_coap_context_t *client, const char *topic)
{
    answer_t answer;

    CHECK(client != NULL);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);
    CHECK_EQ(device_send(client, topic, "{\"name\":\"hello world\"}", &answer), IOTX_SUCCESS);
    device_await(client, &answer);
    CHECK_EQ(answer.code, IOTX_COAP_RESP_CODE_CONTENT);
    IOT_CoAP_Deinit(&client);
}

int main(void)
{
    const char *urls[] = {PLAIN_URL, SYMMETRIC_URL, DTLS_URL};
    iotx_coap_settings_t settings;
    iotx_device_info_t info;
    iotx_coap_config_t config;
    char url[] = PLAIN_URL;
    size_t i;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        authenticate_and_report(device_open(1, urls[i]), TOPIC_1);
    }

    device_info(&info, 2);
    memset(&config, 0, sizeof(config));
    config.p_url = url;
    config.wait_time_ms = 20000;
    config.p_devinfo = &info;
    iotx_coap_settings_init(&settings, sizeof(settings));
    settings.announce = 0;
    authenticate_and_report(iotx_coap_init_with(&config, &settings), TOPIC_2);
    return EXIT_SUCCESS;
}
