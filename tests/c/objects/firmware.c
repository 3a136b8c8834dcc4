/*
 * A firmware of release RELEASE, built without any header of ours: firmware URL... reports once to each URL
 * ("-" stands for none, which makes the library choose).
 *
 * Whatever it hands to the library ends where the next page must not be touched: a library that reads a
 * byte more than the release's layouts have dies of it.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../check.h"
#include "release.h"

#define PRODUCT_KEY "a1B2c3D4e5F"
#define DEVICE_NAME "dev01"
#define DEVICE_SECRET "0123456789abcdef0123456789ABCDEF"

#if RELEASE >= 310
#define TOPIC "/topic/" PRODUCT_KEY "/" DEVICE_NAME "/user/update/"
#else
#define TOPIC "/topic/" PRODUCT_KEY "/" DEVICE_NAME "/update/"
#endif

#define PAYLOAD "{\"name\":\"hello world\"}"
#define YIELDS 20
#define RESPONSE_CONTENT 0x45

/* ---- memory that ends at a wall ---------------------------------------------------------------- */

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* `size` bytes, zeroed, with a page behind them that can be neither read nor written. */
static void *walled(size_t size)
{
    size_t page = page_size();
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(pages != MAP_FAILED && size <= page);
    CHECK_EQ(mprotect(pages + page, page, PROT_NONE), 0);
    return pages + page - size;
}

static void unwall(void *object, size_t size)
{
    size_t page = page_size();

    CHECK_EQ(munmap((char *)object + size - page, 2 * page), 0);
}

static config_t *new_config(char *url, device_info_t *info)
{
    config_t *config = walled(sizeof(*config));

    config->p_url = url;
    config->p_devinfo = info;
#if RELEASE >= 201
    config->wait_time_ms = 3000;
#endif
    return config;
}

static device_info_t *new_info(void)
{
    device_info_t *info = walled(sizeof(*info));

    strcpy(info->product_key, PRODUCT_KEY);
    strcpy(info->device_name, DEVICE_NAME);
    strcpy(info->device_id, PRODUCT_KEY "." DEVICE_NAME);
    strcpy(info->device_secret, DEVICE_SECRET);
    return info;
}

/* ---- the layouts to their last byte ------------------------------------------------------------ */

static void *init(char *url, device_info_t *info)
{
    config_t *config = new_config(url, info);
    void *client = IOT_CoAP_Init(config);

    unwall(config, sizeof(*config));
    return client;
}

static void check_full_and_overfull_members(void)
{
    static char url[] = "coap://127.0.0.1:9"; /* nobody is asked anything */
    device_info_t *info = new_info();
    void *client;

    memset(info->device_secret, 's', DEVICE_SECRET_LEN);
    memset(info->device_name, 'n', DEVICE_NAME_LEN);
    memset(info->device_id, 'i', sizeof(info->device_id) - 1);
    client = init(url, info);
    CHECK(client != NULL);
    IOT_CoAP_Deinit(&client);
    CHECK(client == NULL);

    /* Without its terminator, the last member would go on behind the wall. */
    info->device_secret[DEVICE_SECRET_LEN] = 's';
    CHECK(init(url, info) == NULL);
    info->device_secret[DEVICE_SECRET_LEN] = '\0';
    info->device_id[sizeof(info->device_id) - 1] = 'i';
    CHECK(init(url, info) == NULL);
    unwall(info, sizeof(*info));

    CHECK(init(url, NULL) == NULL);
    CHECK(IOT_CoAP_Init(NULL) == NULL);
}

/* ---- one report -------------------------------------------------------------------------------- */

typedef struct {
    void *client;
    int answers;
} session_t;

static session_t s_session;

static void on_answer(void *arg, void *message)
{
    unsigned char *payload = NULL;
    int code = 0;
    int len = -1;

#if RELEASE == 200
    CHECK(arg == s_session.client);
#else
    CHECK(arg == &s_session);
#endif
    CHECK_EQ(IOT_CoAP_GetMessageCode(message, &code), 0);
    CHECK_EQ(code, RESPONSE_CONTENT);
    CHECK_EQ(IOT_CoAP_GetMessagePayload(message, &payload, &len), 0);
    CHECK(len >= 0 && (len == 0 || payload[len] == '\0'));
    s_session.answers++;
}

static void report(void *client)
{
    static char path[] = TOPIC;
    static unsigned char payload[] = PAYLOAD;
    message_t *message = walled(sizeof(*message));

    message->p_payload = payload;
    message->payload_len = (unsigned short)strlen(PAYLOAD);
    message->resp_callback = on_answer;
#if RELEASE == 200
    memset(&message->user_data, 0xa5, sizeof(message->user_data)); /* nobody filled it in */
#else
    message->user_data = &s_session;
#endif
    CHECK_EQ(IOT_CoAP_SendMessage(client, path, message), 0);
    unwall(message, sizeof(*message));
}

static void *run(void *url)
{
    device_info_t *info = new_info();
    int turn;

    s_session.answers = 0;
    s_session.client = init(url, info);
    unwall(info, sizeof(*info));
    CHECK(s_session.client != NULL);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(s_session.client), 0);
    report(s_session.client);
    for (turn = 0; turn < YIELDS && s_session.answers == 0; turn++) {
        CHECK_EQ(IOT_CoAP_Yield(s_session.client), 0);
    }
    CHECK_EQ(s_session.answers, 1);
    IOT_CoAP_Deinit(&s_session.client);
    CHECK(s_session.client == NULL);
    return NULL;
}

#if RELEASE >= 221
static void *s_finished;

static void *run_in_thread(void *url)
{
    (void)run(url);
    HAL_SemaphorePost(s_finished);
    return NULL;
}

/* As a firmware with a thread for the cloud. */
static void run_beside(char *url)
{
    static char name[] = "cloud";
    thread_param_t *param = walled(sizeof(*param));
    void *thread = NULL;
    int stack_used = 1;

    param->stack_size = 6144;
    param->detach_state = 1;
    param->name = name;
    s_finished = HAL_SemaphoreCreate();
    CHECK_EQ(HAL_ThreadCreate(&thread, run_in_thread, url, param, &stack_used), 0);
    CHECK_EQ(HAL_SemaphoreWait(s_finished, UINT32_MAX), 0);
    HAL_SemaphoreDestroy(s_finished);
    unwall(param, sizeof(*param));
}
#else
static void run_beside(char *url)
{
    (void)run(url);
}
#endif

/* ---- what else the release's examples call ----------------------------------------------------- */

static void start_up(void)
{
#if RELEASE >= 201 && RELEASE <= 221
    IOT_OpenLog("coap");
#endif
#if RELEASE >= 201
    IOT_SetLogLevel(5); /* debug */
#endif
#if RELEASE >= 210 && RELEASE <= 301
    static char product_key[] = PRODUCT_KEY;
    static char device_name[] = DEVICE_NAME;
    static char device_secret[] = DEVICE_SECRET;
    char text[65];

    CHECK(HAL_SetProductKey(product_key) >= 0);
    CHECK(HAL_SetDeviceName(device_name) >= 0);
    CHECK(HAL_SetDeviceSecret(device_secret) >= 0);
    CHECK(HAL_GetProductKey(text) >= 0 && strcmp(text, PRODUCT_KEY) == 0);
    CHECK(HAL_GetDeviceName(text) >= 0 && strcmp(text, DEVICE_NAME) == 0);
    CHECK(HAL_GetDeviceSecret(text) >= 0 && strcmp(text, DEVICE_SECRET) == 0);
#endif
#if RELEASE >= 210 && RELEASE <= 230
    CHECK(HAL_GetDeviceID(text) >= 0 && strcmp(text, PRODUCT_KEY "." DEVICE_NAME) == 0);
#endif
#if RELEASE == 230
    int no = 0;

    CHECK_EQ(IOT_Ioctl(4, &no), 0); /* dynamic registration */
    CHECK_EQ(IOT_SetupConnInfo(PRODUCT_KEY, DEVICE_NAME, DEVICE_SECRET, NULL), 0);
#endif
#if RELEASE >= 310
    static char product_key[] = PRODUCT_KEY;
    static char device_name[] = DEVICE_NAME;
    static char device_secret[65] = DEVICE_SECRET;

    CHECK_EQ(IOT_Ioctl(20, product_key), 0);
    CHECK_EQ(IOT_Ioctl(24, device_name), 0);
    /* Release 3.10 gets the secret where it means to set it, and it must survive that. */
    CHECK_EQ(IOT_Ioctl(RELEASE == 310 ? 27 : 26, device_secret), 0);
    CHECK(strcmp(device_secret, DEVICE_SECRET) == 0);
#endif
}

static void shut_down(void)
{
#if RELEASE == 230 || RELEASE == 301
    IOT_DumpMemoryStats(5);
#endif
#if RELEASE >= 201 && RELEASE <= 221
    IOT_CloseLog();
#else
    IOT_SetLogLevel(0);
#endif
}

int main(int argc, char **argv)
{
    int index;

    CHECK(argc > 1);
    start_up();
    check_full_and_overfull_members();
    for (index = 1; index < argc; index++) {
        run_beside(strcmp(argv[index], "-") == 0 ? NULL : argv[index]);
    }
    shut_down();
    return 0;
}
