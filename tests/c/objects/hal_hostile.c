/*
 * The default platform functions when the system fails them, and when firmware does what it had better not: destroys
 * what is in use, ends threads, calls back from its own HAL_Printf.
 */
#define _GNU_SOURCE /* RTLD_NEXT */

#include <dlfcn.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../check.h"
#include "iot_export.h"
#include "iot_import.h"

/* Only a failing test, one that waits for ever, lasts so long. */
#define BOUND_S 60

/* ---- replaced functions ------------------------------------------------------------------------ */

static int s_lines;
static void (*s_on_line)(void); /* what HAL_Printf does besides counting */

void HAL_Printf(const char *fmt, ...)
{
    (void)fmt;
    s_lines++;
    CHECK(s_lines < 1000); /* a line that causes a line that causes a line */
    if (s_on_line != NULL) {
        s_on_line();
    }
}

static sem_t s_waiting;
static int s_announce_wait;

/* Called with the lock, so that who takes the lock next finds the caller waiting. */
int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    int (*original)(pthread_cond_t *, pthread_mutex_t *);

    *(void **)&original = dlsym(RTLD_NEXT, "pthread_cond_wait");
    CHECK(original != NULL);
    if (s_announce_wait) {
        CHECK_EQ(sem_post(&s_waiting), 0);
    }
    return original(cond, mutex);
}

static struct ifaddrs *s_interfaces; /* instead of the board's */

int getifaddrs(struct ifaddrs **list)
{
    int (*original)(struct ifaddrs **);

    if (s_interfaces != NULL) {
        *list = s_interfaces;
        return 0;
    }
    *(void **)&original = dlsym(RTLD_NEXT, "getifaddrs");
    CHECK(original != NULL);
    return original(list);
}

void freeifaddrs(struct ifaddrs *list)
{
    void (*original)(struct ifaddrs *);

    if (list != s_interfaces) {
        *(void **)&original = dlsym(RTLD_NEXT, "freeifaddrs");
        CHECK(original != NULL);
        original(list);
    }
}

/* ---- no descriptors left ----------------------------------------------------------------------- */

static void check_no_descriptors(void)
{
    struct rlimit before;
    struct rlimit none;
    char text[160];
    char buffer[8];
    int len = sizeof(buffer);

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK(HAL_Kv_Set("key", "value", 5, 0) < 0);
    CHECK(HAL_Kv_Get("key", buffer, &len) < 0);
    CHECK(HAL_Kv_Erase_All() < 0);
    CHECK(HAL_TCP_Establish("127.0.0.1", 9) == (uintptr_t)-1);
    CHECK(HAL_SSL_Establish("127.0.0.1", 9, NULL, 0) == 0);
    CHECK(HAL_UDP_create((char *)"127.0.0.1", 9) < 0);
    CHECK_EQ(HAL_Sys_Net_Is_Ready(), 0);
    CHECK_EQ(HAL_GetNetifInfo(text), 0);
    CHECK_EQ(text[0], '\0');
    CHECK(HAL_UDP_resolveAddress("cloud.invalid", text) != 0);
    CHECK(HAL_Random(10) < 10);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ---- odd interfaces ---------------------------------------------------------------------------- */

static void add_interface(struct ifaddrs *entry, char *name, struct sockaddr_ll *link,
                          unsigned char mac_len)
{
    memset(entry, 0, sizeof(*entry));
    memset(link, 0, sizeof(*link));
    link->sll_family = AF_PACKET;
    link->sll_halen = mac_len;
    link->sll_addr[mac_len > 0 ? mac_len - 1 : 0] = 7;
    entry->ifa_name = name;
    entry->ifa_flags = IFF_UP | IFF_RUNNING;
    entry->ifa_addr = (struct sockaddr *)link;
    entry->ifa_next = s_interfaces;
    s_interfaces = entry;
}

/* A modem's interface has no MAC, and often comes first. */
static void check_interface_without_mac(void)
{
    char eth0[] = "eth0";
    char ppp0[] = "ppp0";
    struct ifaddrs entries[2];
    struct sockaddr_ll links[2];
    char text[160];

    add_interface(&entries[0], eth0, &links[0], 6);
    add_interface(&entries[1], ppp0, &links[1], 0);
    CHECK_EQ(HAL_GetNetifInfo(text), 17);
    CHECK(strcmp(text, "eth0|000000000007") == 0);
    s_interfaces = entries[1].ifa_next = NULL;
    add_interface(&entries[1], ppp0, &links[1], 0);
    CHECK_EQ(HAL_GetNetifInfo(text), 0);
    CHECK_EQ(text[0], '\0');
    s_interfaces = NULL;
}

/* ---- a HAL_Printf that calls back -------------------------------------------------------------- */

static void use_the_platform(void)
{
    char name[33];

    CHECK(HAL_GetDeviceName(name) >= 0);
}

static void use_the_client(void)
{
    CHECK(IOT_CoAP_Yield(NULL) < 0); /* which is a line in the log, again */
}

static void check_printing_that_calls_back(void)
{
    char too_long[128];

    memset(too_long, 'x', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    s_on_line = use_the_platform;
    s_lines = 0;
    CHECK(HAL_SetDeviceName(too_long) < 0);
    CHECK_EQ(s_lines, 1);

    s_on_line = use_the_client;
    s_lines = 0;
    CHECK(IOT_CoAP_Yield(NULL) < 0);
    CHECK_EQ(s_lines, 1);
    s_on_line = NULL;
}

/* ---- what is in use ---------------------------------------------------------------------------- */

static void *wait_for_ever(void *semaphore)
{
    CHECK(HAL_SemaphoreWait(semaphore, PLATFORM_WAIT_INFINITE) < 0);
    return NULL;
}

/* Whoever waits for a semaphore that is destroyed goes away empty-handed. */
static void check_destroying_what_is_waited_for(void)
{
    void *semaphore = HAL_SemaphoreCreate();
    pthread_t waiters[2];
    int i;

    CHECK(semaphore != NULL);
    CHECK_EQ(sem_init(&s_waiting, 0, 0), 0);
    s_announce_wait = 1;
    for (i = 0; i < 2; i++) {
        CHECK_EQ(pthread_create(&waiters[i], NULL, wait_for_ever, semaphore), 0);
        CHECK_EQ(sem_wait(&s_waiting), 0);
    }
    HAL_SemaphoreDestroy(semaphore);
    for (i = 0; i < 2; i++) {
        CHECK_EQ(pthread_join(waiters[i], NULL), 0);
    }
    s_announce_wait = 0;
}

/* ---- threads ----------------------------------------------------------------------------------- */

static void *sleep_for_weeks(void *begun)
{
    CHECK_EQ(sem_post(begun), 0);
    HAL_SleepMs(UINT32_MAX);
    CHECK(!"awake");
    return NULL;
}

/* A sleeping thread can be ended, as one in sleep(3) can. */
static void check_ending_a_sleeper(void)
{
    pthread_t thread;
    void *result = NULL;
    sem_t begun;

    CHECK_EQ(sem_init(&begun, 0, 0), 0);
    CHECK_EQ(pthread_create(&thread, NULL, sleep_for_weeks, &begun), 0);
    CHECK_EQ(sem_wait(&begun), 0);
    CHECK_EQ(pthread_cancel(thread), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
}

static void *return_at_once(void *arg)
{
    return arg;
}

static void on_timer(void *arg)
{
    (void)arg;
}

/* Failures say why, once. */
static void check_bad_arguments(void)
{
    hal_os_thread_param_t param;
    uint8_t block[16] = {0};
    void *handle = &param;
    void *timer;
    void *aes;

    memset(&param, 0, sizeof(param));
    s_lines = 0;
    CHECK(HAL_ThreadCreate(&handle, NULL, NULL, NULL, NULL) != 0);
    CHECK_EQ(s_lines, 1);
    CHECK(HAL_ThreadCreate(NULL, return_at_once, NULL, NULL, NULL) != 0);
    CHECK_EQ(s_lines, 2);

    CHECK(HAL_Timer_Create("none", NULL, NULL) == NULL);
    CHECK_EQ(s_lines, 3);
    timer = HAL_Timer_Create(NULL, on_timer, NULL);
    CHECK(timer != NULL);
    CHECK(HAL_Timer_Start(timer, INT32_MIN) < 0);
    CHECK_EQ(s_lines, 4);
    CHECK_EQ(HAL_Timer_Start(timer, INT32_MAX), 0);
    CHECK_EQ(HAL_Timer_Delete(timer), 0);

    CHECK(HAL_Aes128_Init(NULL, block, HAL_AES_ENCRYPTION) == NULL);
    CHECK_EQ(s_lines, 5);
    CHECK(HAL_Aes128_Init(block, block, (AES_DIR_t)7) == NULL);
    CHECK_EQ(s_lines, 6);
    aes = HAL_Aes128_Init(block, block, HAL_AES_ENCRYPTION);
    CHECK(aes != NULL);
    CHECK(HAL_Aes128_Cbc_Encrypt(aes, block, SIZE_MAX / 16, block) < 0);
    CHECK_EQ(s_lines, 7);
    CHECK(HAL_Aes128_Cbc_Encrypt(aes, block, SIZE_MAX, block) < 0);
    CHECK(HAL_Aes128_Cfb_Encrypt(aes, block, SIZE_MAX, block) < 0);
    CHECK_EQ(s_lines, 9);
    CHECK_EQ(HAL_Aes128_Cbc_Encrypt(aes, block, 0, block), 0);
    CHECK_EQ(HAL_Aes128_Destroy(aes), 0);

    CHECK(HAL_TCP_Write((uintptr_t)-1, "x", 1, 0) < 0);
    CHECK(HAL_TCP_Read(0, (char *)block, 1, 0) < 0);
    CHECK(HAL_TCP_Destroy((uintptr_t)-1) < 0);
}

/* A value of the set-up call that is refused leaves the others as they were. */
static void check_identity_is_set_as_a_whole(void)
{
    char key[21] = "";
    char too_long[128];

    memset(too_long, 'x', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    CHECK_EQ(IOT_SetupConnInfo("key", "name", "secret", NULL), 0);
    CHECK(IOT_SetupConnInfo("other", "name", too_long, NULL) < 0);
    CHECK(IOT_SetupConnInfo("other", NULL, "secret", NULL) < 0);
    CHECK_EQ(HAL_GetProductKey(key), 3);
    CHECK(strcmp(key, "key") == 0);
}

int main(void)
{
    (void)alarm(BOUND_S);
    CHECK_EQ(setenv("IOTX_KV_FILE", "/dev/null/kv", 1), 0);
    IOT_SetLogLevel(IOT_LOG_ERROR);

    check_no_descriptors();
    check_interface_without_mac();
    check_destroying_what_is_waited_for();
    check_ending_a_sleeper();
    check_bad_arguments();
    check_identity_is_set_as_a_whole();
    check_printing_that_calls_back();

    return 0;
}
