/* An assertion at file scope, for C11 and C++11. */
#ifndef STATIC_ASSERT_H
#define STATIC_ASSERT_H

#ifdef __cplusplus
#define STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#endif /* STATIC_ASSERT_H */
