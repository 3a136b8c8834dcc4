/*
 * What the example of every release does with a client, once it has an identity and a server:
 * create, authenticate, post, yield, release. Included behind the release's own headers;
 * DEVICE_INFO is the type that release gives `p_devinfo`, PRINT its way to print.
 */
#ifndef SESSION_H
#define SESSION_H

static void iotx_response_handler(void *arg, void *p_response)
{
    int len = 0;
    unsigned char *p_payload = NULL;
    iotx_coap_resp_code_t resp_code;

    (void)arg;
    IOT_CoAP_GetMessageCode(p_response, &resp_code);
    IOT_CoAP_GetMessagePayload(p_response, &p_payload, &len);
    PRINT("[appl] response 0x%x, %d bytes: %s\r\n", resp_code, len, p_payload);
}

static int iotx_post_data_to_server(void *param, const char *product_key, const char *device_name)
{
    iotx_coap_context_t *p_ctx = (iotx_coap_context_t *)param;
    char path[IOTX_URI_MAX_LEN + 1] = {0};
    char payload[] = "{\"name\":\"hello world\"}";
    iotx_message_t message;

    memset(&message, 0, sizeof(iotx_message_t));
    message.p_payload = (unsigned char *)payload;
    message.payload_len = (unsigned short)strlen(payload);
    message.resp_callback = iotx_response_handler;
    message.msg_type = IOTX_MESSAGE_CON;
    message.content_type = IOTX_CONTENT_TYPE_JSON;

    snprintf(path, IOTX_URI_MAX_LEN, "/topic/%s/%s/update/", product_key, device_name);
    return IOT_CoAP_SendMessage(p_ctx, path, &message);
}

/* One session with at least one turn, more while `*running` is set. */
static int run_session(char *p_url, DEVICE_INFO *p_devinfo, int wait_time_ms, const int *running)
{
    iotx_coap_config_t config;
    iotx_coap_context_t *p_ctx = NULL;

    memset(&config, 0, sizeof(iotx_coap_config_t));
    config.p_url = p_url;
    config.wait_time_ms = wait_time_ms;
    config.p_devinfo = p_devinfo;

    p_ctx = IOT_CoAP_Init(&config);
    if (p_ctx == NULL) {
        PRINT("[appl] no client\r\n");
        return IOTX_ERR_INVALID_PARAM;
    }
    IOT_CoAP_DeviceNameAuth(p_ctx);
    do {
        iotx_post_data_to_server(p_ctx, p_devinfo->product_key, p_devinfo->device_name);
        IOT_CoAP_Yield(p_ctx);
    } while (*running);
    IOT_CoAP_Deinit(&p_ctx);
    return IOTX_SUCCESS;
}

#endif /* SESSION_H */
