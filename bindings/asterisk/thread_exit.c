/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

/*! \file
 * \brief What the library has in every thread that asked it, given back when the thread ends, in a way
 * that lets the module be unloaded while the thread lives.
 *
 * The library keeps a small node a thread, and asks the C library to free it when the thread ends:
 * __cxa_thread_atexit_impl. The C library then keeps the shared object mapped until the last such thread is
 * gone, and the thread of a call, of a manager session or of a console lives for hours. Asterisk says
 * "Unloaded" and "Loaded" all the same, but what is loaded is the copy that never left: an updated module
 * is not what runs from then on. (The log has "Failure in dlclose" the next time.)
 *
 * So the linker (--wrap) puts the function below in its place: the same by a key of POSIX threads, which
 * keeps nothing in memory and is deleted at unload. What threads that still live then have in the library
 * is lost, some hundred bytes each.
 */

#include "tollgate_module.h"

#include "asterisk/utils.h"

/*! How long a thread may be on its way into the module's function, in microseconds. */
#define ON_THE_WAY 20000

/*! A function that a thread has to call at its end. */
struct at_exit {
	void (*destroy)(void *object);
	void *object;
	struct at_exit *next;
};

static pthread_key_t key;
/*! Whether there is the key; read by threads that never met the one that made it. */
static int has_key;
/*! How many threads are calling their functions. */
static int ending;

int __wrap___cxa_thread_atexit_impl(void (*destroy)(void *object), void *object, void *shared_object);

/*! \brief The end of a thread: its functions, the last one first. */
static void run(void *data)
{
	struct at_exit *first = data;

	ast_atomic_fetchadd_int(&ending, +1);
	while (first) {
		struct at_exit *one = first;

		first = one->next;
		one->destroy(one->object);
		ast_std_free(one);
	}
	ast_atomic_fetchadd_int(&ending, -1);
}

int __wrap___cxa_thread_atexit_impl(void (*destroy)(void *object), void *object, void *shared_object)
{
	struct at_exit *one;

	if (!__atomic_load_n(&has_key, __ATOMIC_ACQUIRE)) {
		return -1;
	}
	/* Not Asterisk's allocator, which may log: this is the bottom of the library. */
	one = ast_std_malloc(sizeof(*one));
	if (!one) {
		return -1;
	}
	one->destroy = destroy;
	one->object = object;
	one->next = pthread_getspecific(key);
	if (pthread_setspecific(key, one)) {
		ast_std_free(one);
		return -1;
	}
	return 0;
}

int tg_thread_exit_start(void)
{
	if (pthread_key_create(&key, run)) {
		return -1;
	}
	__atomic_store_n(&has_key, 1, __ATOMIC_RELEASE);
	return 0;
}

void tg_thread_exit_stop(void)
{
	if (!__atomic_exchange_n(&has_key, 0, __ATOMIC_ACQ_REL)) {
		return;
	}
	pthread_key_delete(key);
	/* No thread finds the function from now on; who found it before calls it, and comes out again. */
	do {
		usleep(ON_THE_WAY);
	} while (ast_atomic_fetchadd_int(&ending, 0));
}
